// Runs the program as a user does, and the flow with models that do not behave.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { LLMock } from "@copilotkit/aimock";
import OpenAI from "openai";
import { afterAll, describe, expect, test, vi } from "vitest";
import { createAgentFlow } from "./flow.js";
import { Library } from "./library.js";
import { type Decision, type Known, Llm } from "./llm.js";
import { createShared } from "./nodes.js";

const require = createRequire(import.meta.url);
const tsx = pathToFileURL(require.resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "agent-"));
writeFileSync(
  join(scratch, "locks.md"),
  "# Locks\n\nThe lock at Brenn was built in 1908. It has two pairs of gates.\n",
);
writeFileSync(
  join(scratch, "boats.md"),
  "# Boats\n\nA narrow boat measures seven feet. Boats pay four crowns of toll.\n",
);
writeFileSync(
  join(scratch, "birds.md"),
  "# Birds\n\nHerons wait below every weir. They eat small fish and frogs in spring.\n\n## Owls\n\nThe barn owl nests in the mill tower, above the wheel.\n",
);
afterAll(() => rmSync(scratch, { recursive: true }));

function start(args: string[], env: NodeJS.ProcessEnv = {}) {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, ...clean } = process.env;
  const child = spawn(process.execPath, ["--import", tsx, join(import.meta.dirname, "main.ts"), ...args], {
    cwd: scratch,
    env: { ...clean, ...env },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  return { child, text: () => text, ended: once(child, "close").then(([code]) => ({ code, text })) };
}

describe.concurrent("the program", () => {
  test("searches for each part of the question and for what was not found, and answers from the right documents", async () => {
    const question = "How much toll do boats pay, and when was the lock at Brenn built by penguins?";
    const { code, text } = await start(["--docs", scratch, question]).ended;
    expect(text).toContain("No OPENAI_API_KEY: using a local stand-in");
    expect(text.match(/Search: .+/g)).toEqual([
      "Search: toll boats pay",
      "Search: lock brenn built penguins",
      "Search: penguins",
    ]);
    expect(text).toContain("Search: penguins\n    nothing\n");
    expect(text.trim().split("\n").slice(-2)).toEqual([
      "Boats pay four crowns of toll. [boats.md § Boats]",
      "The lock at Brenn was built in 1908. [locks.md § Locks]",
    ]);
    expect(code).toBe(0);
  });

  test("finds its way in the READMEs of what is installed", async () => {
    const { code, text } = await start(["Can MiniSearch give suggestions for misspelled words?"]).ended;
    const [, sentence = "?"] = /^(.+) \[minisearch\/README\.md § .+\]$/m.exec(text) ?? [];
    const readme = readFileSync(join(require.resolve("minisearch"), "../../../README.md"), "utf8");
    expect(readme.replaceAll(/\s+/g, " ")).toContain(sentence);
    expect(sentence).toContain("misspelled");
    expect(code).toBe(0);
  });

  test("says that it gives up where the steps do not suffice", async () => {
    const { code, text } = await start([
      "--docs",
      scratch,
      "--steps",
      "3",
      "Is there a toll? Is there an owl?",
    ]).ended;
    expect(text).toContain("No answer within 3 steps.");
    expect(code).toBe(1);
  });

  test("stops at once on Ctrl-C, also while the service thinks", async () => {
    let hungUp = false;
    const silent = createServer((request) => request.on("close", () => (hungUp = true))).listen(
      0,
      "127.0.0.1",
    );
    await once(silent, "listening");
    const asked = once(silent, "request");
    const OPENAI_BASE_URL = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/v1`;
    const { child, ended } = start(["--docs", scratch], { OPENAI_API_KEY: "x", OPENAI_BASE_URL });
    await asked;
    const stoppedAt = performance.now();
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 130, text: expect.not.stringContaining("Error") });
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    await vi.waitFor(() => expect(hungUp).toBe(true));
    silent.close();
  });

  test.each<[string[], NodeJS.ProcessEnv, string]>([
    [["--steps", "none"], {}, 'Expected --steps to be an integer from 1 up, got "none"'],
    [["--doc", "."], {}, 'Expected a question, --docs <folder> and --steps <n>, got "--doc ."'],
    [[], { OPENAI_API_KEY: "x", OPENAI_BASE_URL: "nowhere" }, "Expected OPENAI_BASE_URL to be a URL"],
  ])("explains wrong input: %j", async (args, env, message) => {
    const { code, text } = await start(args, env).ended;
    expect(text).toContain(`error: ${message}`);
    expect(code).toBe(2);
  });
});

describe("the flow", () => {
  const read = () => Library.read(scratch, ["*.md"], new AbortController().signal);

  test("ends after maxSteps, whatever the model wants", async () => {
    class Restless extends Llm {
      asked: Known[] = [];
      override async decide(known: Known): Promise<Decision> {
        this.asked.push(known);
        return { thought: "More!", action: "search", query: "weir" };
      }
    }
    const llm = new Restless(new OpenAI({ apiKey: "none" }), "m");
    const shared = createShared("Where do herons wait?");
    const run = createAgentFlow({ llm, library: await read() }).run(shared, { maxSteps: 6 });
    await expect(run).rejects.toMatchObject({ code: "MAX_STEPS" });
    expect(llm.asked.map(({ findings }) => findings.length)).toEqual([0, 1, 2]);
    expect(shared.findings[0]?.passages[0]?.source).toBe("birds.md § Birds");
    expect(shared.answer).toBeUndefined();
  });

  test("asks once more where the answer is no decision", async () => {
    const answers = [
      "Let me see…",
      '{"thought":"","action":"search","query":" "}',
      '{"thought":"","action":"answer","query":""}',
    ];
    const mock = new LLMock({ host: "127.0.0.1", port: 0 });
    let calls = 0;
    mock.on({ endpoint: "chat" }, () => ({ content: answers[calls++] ?? "42" }));
    await mock.start();
    const llm = new Llm(new OpenAI({ apiKey: "none", baseURL: `${mock.url}/v1`, maxRetries: 0 }), "m");
    const shared = createShared("Why?");
    await createAgentFlow({ llm, library: await read(), backoff: 1 }).run(shared);
    expect(shared).toMatchObject({ answer: "42", findings: [] });
    expect(calls).toBe(4);
    await mock.stop();
  });
});
