// Runs the program as a user does: as a process of its own, in a folder of its own, over real HTTP.
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import OpenAI from "openai";
import { Gate } from "sluice";
import { openJournal } from "sluice/journal";
import { afterAll, describe, expect, test, vi } from "vitest";
import { createSummariesFlow } from "./flow.js";
import { Llm } from "./llm.js";
import { startOf } from "./runs.js";
import { type Limits, type StandIn, startStandIn } from "./stand-in.js";
import { summariseText } from "./summarise-text.js";

vi.setConfig({ testTimeout: 60_000 }); // most tests start the program several times
const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const program = join(import.meta.dirname, "main.ts");
const scratch = mkdtempSync(join(tmpdir(), "parallel-summaries-"));
const plenty: Limits = { requests: 100_000, tokens: 10_000_000 };
afterAll(() => rmSync(scratch, { recursive: true }));

interface Entry {
  file: string;
  summary?: string;
  tokens?: number;
  attempts?: number;
  error?: string;
}

let folders = 0;
/** A folder with documents, each of some sentences that are in no other. */
function folderOf(count: number): string {
  const folder = join(scratch, String(folders++));
  mkdirSync(folder);
  for (let at = 0; at < count; at++) writeFileSync(join(folder, nameOf(at)), textOf(at));
  return folder;
}
const nameOf = (at: number) => `doc-${String(at).padStart(3, "0")}.md`;
const topics = ["harbour", "orchard", "railway", "library", "glacier", "theatre", "lighthouse"];
const textOf = (at: number) =>
  `# Report ${at}\n\n${topics.map((topic, n) => `The ${topic} number ${at * 10 + n} was inspected by the council in autumn.`).join(" ")}\n`;

const entriesOf = (folder: string, file = "summaries.json"): Entry[] =>
  JSON.parse(readFileSync(join(folder, file), "utf8"));
/** How many summaries a program says it has kept. */
const keptOf = (text: string) => Number(/Stopped\. (\d+) of 40 summaries are kept/.exec(text)?.[1]);

/** Starts the program as the leader of a process group, like a shell does. */
function start(cwd: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, ...clean } = process.env;
  const child = spawn(process.execPath, ["--import", tsx, program, ...args], {
    cwd,
    env: { ...clean, ...env },
    detached: true,
  });
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  child.stderr.on("data", (chunk) => (text += chunk));
  const ended = new Promise<{ code: number | null; text: string }>((resolve) =>
    child.on("close", (code) => resolve({ code, text })),
  );
  return { pid: child.pid as number, ended, text: () => text };
}
const run = (...args: Parameters<typeof start>) => start(...args).ended;
const callTo = ({ url }: StandIn) => ({ OPENAI_API_KEY: "test", OPENAI_BASE_URL: url });

async function withStandIn(limits: Limits, use: (standIn: StandIn) => Promise<void>) {
  const standIn = await startStandIn(limits);
  try {
    await use(standIn);
  } finally {
    await standIn.close();
  }
}

describe.concurrent("parallel-summaries", () => {
  test("without a key it summarises every document, in order, with sentences of the document itself", async () => {
    const folder = folderOf(12);
    const { code, text } = await run(folder, ["*.md"]);
    expect(text).toContain("No OPENAI_API_KEY: using a local stand-in");
    expect(text).toMatch(/summarised now +12\n/);
    expect(text).toMatch(/429s seen +0\n/);
    expect(code).toBe(0);
    const entries = entriesOf(folder);
    expect(entries.map(({ file }) => file)).toEqual(Array.from({ length: 12 }, (_, at) => nameOf(at)));
    for (const [at, { summary = "", tokens, attempts }] of entries.entries()) {
      const sentences = summary.split(/(?<=\.) /);
      expect(sentences).toHaveLength(3);
      for (const sentence of sentences) expect(textOf(at)).toContain(sentence);
      expect(tokens).toBeGreaterThan(100);
      expect(attempts).toBe(1);
    }
  });

  test("by default it takes the READMEs in node_modules, and its sentences are theirs", async () => {
    const folder = folderOf(0);
    const prose = [
      "Fast tests for slow days.",
      "They are run by the package itself.",
      "Nothing else is needed for them.",
    ];
    for (const name of ["b", "a", "@scope/c"]) {
      mkdirSync(join(folder, "node_modules", name), { recursive: true });
      const text = `# ${name}\n\n![badge](x.svg)\n\n${prose.join(" ")}\n\n\`\`\`js\nrun();\n\`\`\`\n`;
      writeFileSync(join(folder, "node_modules", name, "readme.md"), text);
    }
    const { text } = await run(folder, ["--limit", "2"]);
    expect(text).toContain("Found: 3, of which the first 2 are taken (--limit).");
    expect(entriesOf(folder).map(({ file, summary }) => [file, summary])).toEqual([
      ["node_modules/@scope/c/readme.md", prose.join(" ")],
      ["node_modules/a/readme.md", prose.join(" ")],
    ]);
  });

  test("a second run asks for nothing, a changed document is asked for again, --fresh for everything", async () => {
    const folder = folderOf(5);
    await withStandIn(plenty, async (standIn) => {
      await run(folder, ["*.md"], callTo(standIn));
      expect(standIn.calls.accepted).toBe(5);
      const before = entriesOf(folder);

      const { text, code } = await run(folder, ["*.md"], callTo(standIn));
      expect(standIn.calls.accepted).toBe(5);
      expect(text).toContain("Summarised before: 5, at no cost now");
      expect(entriesOf(folder)).toEqual(before);
      expect(code).toBe(0);

      writeFileSync(join(folder, nameOf(2)), textOf(77));
      await run(folder, ["*.md"], callTo(standIn));
      expect(standIn.calls.accepted).toBe(6);
      const after = entriesOf(folder);
      expect(after[2]?.summary).not.toBe(before[2]?.summary);
      expect(after.filter((_, at) => at !== 2)).toEqual(before.filter((_, at) => at !== 2));

      await run(folder, ["*.md", "--fresh"], callTo(standIn));
      expect(standIn.calls.accepted).toBe(11);
    });
  });

  test("the first Ctrl-C lets calls in flight end and keeps them, so nothing is asked twice", async () => {
    const folder = folderOf(40);
    await withStandIn(plenty, async (standIn) => {
      const first = start(folder, ["*.md", "--concurrency", "4"], callTo(standIn));
      await vi.waitFor(() => expect(standIn.calls.accepted).toBeGreaterThan(5), 30_000);
      process.kill(-first.pid, "SIGINT");
      const { code, text } = await first.ended;
      expect(code).toBe(130);
      expect(text).toContain("finishing what is in flight; press Ctrl-C again to stop now");
      const kept = keptOf(text);
      expect(kept).toBeLessThan(40);
      expect(kept).toBe(standIn.calls.accepted);
      expect(entriesOf(folder).filter(({ summary }) => summary !== undefined)).toHaveLength(kept);

      const second = await run(folder, ["*.md"], callTo(standIn));
      expect(second.text).toContain("Going on with the run that stopped");
      expect(second.code).toBe(0);
      expect(standIn.calls.accepted).toBe(40);
    });
  });

  test("a second Ctrl-C stops at once, keeps what is done, and the next start asks for the rest", async () => {
    const folder = folderOf(40);
    await withStandIn(plenty, async (standIn) => {
      const first = start(folder, ["*.md", "--concurrency", "4"], callTo(standIn));
      await vi.waitFor(() => expect(standIn.calls.accepted).toBeGreaterThan(5), 30_000);
      const stoppedAt = performance.now();
      process.kill(-first.pid, "SIGINT"); // to the whole group, as a terminal does
      await vi.waitFor(() => expect(first.text()).toContain("press Ctrl-C again"), 10_000);
      process.kill(-first.pid, "SIGINT");
      const { code: firstCode, text } = await first.ended;
      expect(performance.now() - stoppedAt).toBeLessThan(5_000);
      // What was in flight may have ended before the second signal, which then ends the process in its last moment: null.
      expect([130, null]).toContain(firstCode);

      const kept = keptOf(text);
      expect(kept).toBeLessThan(40);
      const summaries = entriesOf(folder).filter(({ summary }) => summary !== undefined);
      expect(summaries).toHaveLength(kept);
      expect(entriesOf(folder)).toHaveLength(40);

      const asked = standIn.calls.accepted;
      const second = await run(folder, ["*.md"], callTo(standIn));
      expect(second.code).toBe(0);
      expect(standIn.calls.accepted - asked).toBe(40 - kept);
      expect(entriesOf(folder).map(({ file }) => file)).toEqual(
        Array.from({ length: 40 }, (_, at) => nameOf(at)),
      );
      expect(entriesOf(folder).filter(({ error }) => error !== undefined)).toEqual([]);
      expect(entriesOf(folder).filter(({ file }) => summaries.some((each) => each.file === file))).toEqual(
        summaries,
      );
    });
  });

  test("after a kill -9 only what was in flight, and not yet committed, is asked again", async () => {
    const folder = folderOf(40);
    await withStandIn(plenty, async (standIn) => {
      const first = start(folder, ["*.md", "--concurrency", "4"], callTo(standIn));
      await vi.waitFor(() => expect(standIn.calls.accepted).toBeGreaterThan(10), 30_000);
      process.kill(-first.pid, "SIGKILL");
      await first.ended;

      const { code, text } = await run(folder, ["*.md"], callTo(standIn));
      expect(code).toBe(0);
      expect(text).toContain("Going on with the run that stopped");
      expect(standIn.calls.accepted).toBeLessThanOrEqual(40 + 4 + 4);
      expect(entriesOf(folder).map(({ summary }) => summary?.length)).not.toContain(undefined);
    });
  });

  test("a second start beside the first is refused, and the first goes on", async () => {
    const folder = folderOf(40);
    await withStandIn({ requests: 600, tokens: 10_000_000 }, async (standIn) => {
      const first = start(folder, ["*.md", "--rpm", "600", "--concurrency", "1"], callTo(standIn));
      await vi.waitFor(() => expect(standIn.calls.accepted).toBeGreaterThan(3), 30_000);
      const second = await run(folder, ["*.md"], callTo(standIn));
      expect(second.text).toContain("error: ");
      expect(second.text).toContain("Another process");
      expect(second.code).toBe(2);
      expect((await first.ended).code).toBe(0);
      expect(standIn.calls.accepted).toBe(40);
    });
  });

  test("a storm of 429s makes the run slower and no document fail", async () => {
    const folder = folderOf(20);
    await withStandIn({ requests: 120, tokens: 10_000_000 }, async (standIn) => {
      const { code, text } = await run(folder, ["*.md", "--rpm", "60000"], callTo(standIn));
      expect(standIn.calls.refused).toBeGreaterThan(0);
      expect(text).toMatch(new RegExp(`429s seen +${standIn.calls.refused}\n`));
      expect(text).toMatch(/failed +0\n/);
      expect(code).toBe(0);
      expect(entriesOf(folder).every(({ attempts }) => attempts === 1)).toBe(true);
    });
  });

  test("empty, binary and huge documents, and names that look like globs", async () => {
    const folder = folderOf(0);
    writeFileSync(join(folder, "[id].md"), textOf(1));
    writeFileSync(join(folder, "empty.md"), " \n");
    writeFileSync(join(folder, "image.md"), Buffer.from([137, 80, 78, 71, 0, 1, 2]));
    writeFileSync(join(folder, "large.md"), textOf(2).repeat(1_000));
    const { code, text } = await run(folder, ["[id].md", "empty.md", "image.md", "large.md"]);
    expect(code).toBe(0);
    expect(text).toContain("Empty or binary: 2, skipped");
    expect(text).toContain("Too long for one call: 1, of which only the beginning is summarised");
    const [id, empty, image, large] = entriesOf(folder);
    expect(id?.summary).toContain("inspected");
    expect(empty).toEqual({ file: "empty.md", error: "Skipped: the file is empty" });
    expect(image).toEqual({ file: "image.md", error: "Skipped: the file is binary" });
    expect(large?.tokens).toBeGreaterThan(3_000);
    expect(large?.tokens).toBeLessThan(8_000);
  });

  test("a wrong key ends the run at its first answer and says what to do", async () => {
    let calls = 0;
    const server = createServer((request, response) => {
      calls++;
      request.resume().on("end", () => {
        response.writeHead(401, { "content-type": "application/json" });
        response.end(JSON.stringify({ error: { message: "Incorrect API key provided: sk-x" } }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    const env = { OPENAI_API_KEY: "sk-x", OPENAI_BASE_URL: url };
    const { code, text } = await run(folderOf(30), ["*.md", "--concurrency", "3"], env);
    server.close();
    expect(text).toContain("error: 401 Incorrect API key provided: sk-x Check OPENAI_API_KEY.");
    expect(code).toBe(2);
    expect(calls).toBeLessThanOrEqual(3);
  });

  describe.concurrent("wrong input is told before any call", () => {
    const folder = folderOf(2);
    symlinkSync(join(folder, "nowhere"), join(folder, "gone.md"));
    test.each<[string, string[], NodeJS.ProcessEnv, string]>([
      ["no match", ["*.txt"], {}, 'Expected a glob that matches documents, got "*.txt" in'],
      ["--limit 0", ["--limit", "0"], {}, "argument '0' is invalid. Expected an integer from 1 up."],
      ["--limit abc", ["--limit", "abc"], {}, "argument 'abc' is invalid. Expected an integer from 1 up."],
      ["an unknown flag", ["--limt", "3"], {}, "unknown option '--limt'\n(Did you mean --limit?)"],
      ["an unreadable file", ["gone.md"], {}, "Expected every document to be readable, got"],
      [
        "no URL",
        ["*.md"],
        { OPENAI_BASE_URL: "localhost:1/v1" },
        "Expected OPENAI_BASE_URL to be a URL such as",
      ],
      ["no folder", ["*.md", "--out", "none/a.json"], {}, "cannot be used: there is no folder"],
    ])("%s", async (_, args, env, message) => {
      const { code, text } = await run(folder, args, env);
      expect(text).toContain(message);
      expect(code).toBe(2);
      expect(existsSync(join(folder, "summaries.json"))).toBe(false);
    });

    test.each(["summaries.json", ".summaries.journal.db"])(
      "somebody else's %s is not touched",
      async (name) => {
        const folder = folderOf(1);
        writeFileSync(join(folder, name), "my notes\n");
        const { code, text } = await run(folder, ["*.md"]);
        expect(text).toMatch(/error: .*summaries.*(something else|it is no database)/);
        expect(code).toBe(2);
        expect(readFileSync(join(folder, name), "utf8")).toBe("my notes\n");
      },
    );
  });
});

describe("the flow", () => {
  class FlakyLlm extends Llm {
    readonly calls: string[] = [];

    override async summarise(text: string) {
      this.calls.push(text);
      const tries = this.calls.filter((each) => each === text).length;
      if (text.includes("Report 1\n") || (text.includes("Report 2\n") && tries === 1))
        throw new Error("busy");
      return { summary: summariseText(text), tokens: 100 };
    }
  }

  test("a failed document leaves an error in its place, and only it is tried by the next run", async () => {
    const folder = folderOf(4);
    const llm = new FlakyLlm(new OpenAI({ apiKey: "none" }), "flaky");
    const output = join(folder, "out.json");
    const gate = new Gate({ concurrency: 2 });
    const runOnce = async () => {
      await using journal = await openJournal(join(folder, "journal.db"));
      const silent = () => {};
      const flow = createSummariesFlow({ llm, gate, concurrency: 2, onPlan: silent, onProgress: silent });
      const input = { globs: ["*.md"], limit: 10, cwd: folder, output, llm: llm.id };
      const { runId, shared } = await startOf(journal, flow, input);
      await flow.run(shared, { journal, runId });
      return shared.counts;
    };
    expect(await runOnce()).toMatchObject({ summarised: 3, failed: 1, tokens: 300 });
    const entries = entriesOf(folder, "out.json");
    expect(entries[1]).toEqual({ file: nameOf(1), error: "busy" });
    expect(entries.map(({ attempts }) => attempts)).toEqual([1, undefined, 2, 1]);

    llm.calls.length = 0;
    expect(await runOnce()).toMatchObject({ summarised: 0, kept: 3, failed: 1 });
    expect(llm.calls).toEqual([textOf(1), textOf(1), textOf(1)]);
  });
});
