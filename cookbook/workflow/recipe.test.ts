// Runs the program as a user does, and the flow against a model whose answers the test has written.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import OpenAI from "openai";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { createArticleFlow } from "./flow.js";
import { Llm } from "./llm.js";
import { type Shared, Style } from "./nodes.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "workflow-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** Skips waits: whenever nothing else is to be done, the clock goes on to the next timer. */
const skipWaits = () =>
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }).setTimerTickMode("nextTimerAsync");
afterEach(() => void vi.useRealTimers());

function start(args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, ...clean } = process.env;
  const child = spawn(process.execPath, ["--import", tsx, join(import.meta.dirname, "main.ts"), ...args], {
    cwd: scratch,
    env: { ...clean, ...env },
  });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk) => (out += chunk));
  child.stderr.on("data", (chunk) => (err += chunk));
  return { child, ended: once(child, "close").then(([code]) => ({ code, out, err })) };
}

describe.concurrent("the program", () => {
  test("without a key it says so, and makes an article of one's own notes", async () => {
    const notes =
      "The ferry is utilised in summer. The bridge is approximately old. The ferry sinks.\nThe bridge has a toll.";
    writeFileSync(join(scratch, "mine.txt"), notes);
    const { code, out, err } = await start(["mine.txt"]).ended;
    expect(err).toMatch(/^No OPENAI_API_KEY: using a local stand-in at http:\/\/127\.0\.0\.1:\d+\/v1/);
    expect(err).toContain("  outline   Ferry, Bridge\n");
    expect(err).toContain("  section   Bridge: 10 words\n");
    expect(out).toBe(
      "## Ferry\n\nThe ferry is used in summer. The ferry sinks.\n\n" +
        "## Bridge\n\nThe bridge is about old. The bridge has a toll.\n",
    );
    expect(code).toBe(0);
  });

  test("Ctrl-C ends the call in hand", async () => {
    const service = createServer().listen(0, "127.0.0.1"); // takes calls, and never answers
    await once(service, "listening");
    const { port } = service.address() as AddressInfo;
    const env = { OPENAI_API_KEY: "key", OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1` };
    const { child, ended } = start([], env);
    await once(service, "request");
    const stoppedAt = performance.now();
    child.kill("SIGINT");
    expect((await ended).code).toBe(130);
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    service.close();
  });

  test("wrong input is told before anything starts", async () => {
    const runs = [
      [["gone.txt"], 'error: Expected a file with notes, got "gone.txt": ENOENT'],
      [["a", "b"], 'error: Expected one file with notes, got "a" "b".'],
    ] as const;
    for (const [args, message] of runs) {
      const { code, err } = await start([...args]).ended;
      expect(err).toContain(message);
      expect(code).toBe(2);
    }
  });
});

/** Has three sections, of which the first takes longest; what `style` answers is the test's. */
class Scripted extends Llm {
  running = 0;
  peak = 0;
  readonly finished: string[] = [];
  readonly styled: string[] = [];
  readonly #style: (article: string, call: number) => string;
  constructor(style: (article: string, call: number) => string) {
    super(new OpenAI({ apiKey: "none" }), "m");
    this.#style = style;
  }
  override async outline(): Promise<string[]> {
    return ["One", "Two", "Three"];
  }
  override async section(heading: string, headings: readonly string[]): Promise<string> {
    this.peak = Math.max(this.peak, ++this.running);
    await new Promise((resolve) => setTimeout(resolve, 10 * (headings.length - headings.indexOf(heading))));
    this.running--;
    this.finished.push(heading);
    return `Text of ${heading}.`;
  }
  override async style(article: string): Promise<string> {
    return this.#style(article, this.styled.push(article));
  }
}
const whole = "## One\n\nText of One.\n\n## Two\n\nText of Two.\n\n## Three\n\nText of Three.";

/** Runs the flow. */
async function run(llm: Llm) {
  skipWaits();
  const shared: Shared = { notes: "notes" };
  await createArticleFlow({ llm }).run(shared);
  return shared;
}

test("sections are written side by side, and stay in the order of the outline", async () => {
  const llm = new Scripted((article) => article.replaceAll("Text", "TEXT"));
  const { article } = await run(llm);
  expect(llm.peak).toBe(3);
  expect(llm.finished).toEqual(["Three", "Two", "One"]);
  expect(llm.styled).toEqual([whole]);
  expect(article).toBe(whole.replaceAll("Text", "TEXT"));
});

test("an answer that lost a section is asked for again, and only that step", async () => {
  const llm = new Scripted((article, call) => (call === 1 ? article.replace("## Two\n\n", "") : article));
  const { article } = await run(llm);
  expect(article).toBe(whole);
  expect(llm.styled).toHaveLength(2);
  expect(llm.finished).toHaveLength(3);
});

test("a model that loses sections each time ends the run with their names", async () => {
  const llm = new Scripted((article) => article.replaceAll(/## T.*\n/g, ""));
  await expect(run(llm)).rejects.toThrow("The model lost these headings: Two, Three");
  expect(llm.styled).toHaveLength(3);
});

test("a step in the wrong place says what it misses", async () => {
  const shared: Shared = { notes: "notes" };
  await expect(new Style(new Scripted((text) => text)).run(shared)).rejects.toThrow(/"Style".*sections/);
});
