// Runs the program as a user does, and the flows with a service that fails and documents that cannot be read.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import OpenAI from "openai";
import { Gate } from "sluice";
import { afterAll, describe, expect, test, vi } from "vitest";
import { chunk } from "./chunk.js";
import { createAskFlow, createIndexFlow } from "./flow.js";
import { readIndex, writeIndex } from "./index-file.js";
import { Llm } from "./llm.js";
import { type AskShared, createIndexShared, Load } from "./nodes.js";
import { embed } from "./stand-in.js";
import { cosine, VectorIndex } from "./vector-index.js";

const require = createRequire(import.meta.url);
const tsx = pathToFileURL(require.resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "rag-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function folderOf(name: string, files: Record<string, string>): string {
  const folder = join(scratch, name);
  mkdirSync(folder);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return folder;
}
const village = {
  "locks.md": "# Locks\n\nThe lock at Brenn was built in 1908. It has two pairs of gates.\n",
  "boats.md":
    "# Boats\n\nA narrow boat measures seven feet.\n\n## Toll\n\nBoats pay four crowns of toll at the mill.\n",
  "birds.md": "# Birds\n\nHerons wait below every weir, and owls nest in the mill tower.\n",
};

function start(args: string[], env: NodeJS.ProcessEnv = {}) {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, OPENAI_EMBEDDING_MODEL, ...clean } = process.env;
  const child = spawn(process.execPath, ["--import", tsx, join(import.meta.dirname, "main.ts"), ...args], {
    cwd: scratch,
    env: { ...clean, ...env },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  return { child, ended: once(child, "close").then(([code]) => ({ code, text })) };
}

describe.concurrent("the program", () => {
  test("answers from the document that says it, and pays for a text only once", async () => {
    const folder = folderOf("village", village);
    const args = ["--docs", folder, "--index", "village.json"];
    const first = await start([...args, "What toll do boats pay?", "When was the lock at Brenn built?"])
      .ended;
    expect(first.text).toContain("No OPENAI_API_KEY: using a local stand-in");
    expect(first.text).toContain("3 documents, 3 passages. Embedded 3 texts\nin 1 requests");
    expect(first.text).toMatch(
      /Boats pay four crowns of toll at the mill\. \[(\d)\]\n {2}\[\1\] boats\.md § Toll/,
    );
    expect(first.text).toMatch(
      /The lock at Brenn was built in 1908\. \[(\d)\]\n {2}\[\1\] locks\.md § Locks/,
    );
    expect(first.code).toBe(0);

    writeFileSync(join(folder, "boats.md"), village["boats.md"].replace("four", "nine"));
    const second = await start([...args, "What toll do boats pay?", "Quantum chromodynamics?"]).ended;
    expect(second.text).toContain("3 documents, 3 passages. Embedded 1 texts\nin 1 requests");
    expect(second.text).toContain("Boats pay nine crowns of toll at the mill.");
    expect(second.text).toContain("Quantum chromodynamics?\nNo passage is near enough to this question");
  });

  test("finds its way in the READMEs of what is installed", async () => {
    const { code, text } = await start([]).ended;
    const readme = readFileSync(join(require.resolve("openai"), "../README.md"), "utf8");
    const [, sentence = "?", number] = /^(.+10 minutes.+) \[(\d)\]$/m.exec(text) ?? [];
    expect(readme.replaceAll(/\s+/g, " ")).toContain(sentence);
    expect(text).toContain(`  [${number}] openai/README.md § Timeouts (`);
    expect(code).toBe(0);
  });

  test("stops at once on Ctrl-C, also while the service computes", async () => {
    let hungUp = false;
    const silent = createServer((request) => request.on("close", () => (hungUp = true))).listen(
      0,
      "127.0.0.1",
    );
    await once(silent, "listening");
    const asked = once(silent, "request");
    const OPENAI_BASE_URL = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/v1`;
    const { child, ended } = start([], { OPENAI_API_KEY: "x", OPENAI_BASE_URL });
    await asked;
    const stoppedAt = performance.now();
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 130, text: expect.not.stringContaining("Error") });
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    await vi.waitFor(() => expect(hungUp).toBe(true));
    silent.close();
  });

  writeFileSync(join(scratch, "notes.json"), '{"my":"notes"}');
  test.each<[string[], NodeJS.ProcessEnv, string]>([
    [["--docs", "gone"], {}, 'Expected --docs to be a folder, got "gone"'],
    [["--index", "notes.json"], {}, "Expected --index to be an index of this recipe, got another file"],
    [["--doc", "."], {}, 'Expected questions, --docs <folder> and --index <file>, got "--doc ."'],
  ])("explains wrong input: %j", async (args, env, message) => {
    const { code, text } = await start(args, env).ended;
    expect(text).toContain(`error: ${message}`);
    expect(code).toBe(2);
  });
});

describe("the flows", () => {
  /** Embeds as the stand-in does, and fails when it is told to. */
  class FakeLlm extends Llm {
    readonly groups: (readonly string[])[] = [];
    asked = 0;
    constructor(readonly fails: (texts: readonly string[], call: number) => boolean = () => false) {
      super(new OpenAI({ apiKey: "none" }), "m", "fake");
    }
    override async embed(texts: readonly string[]) {
      this.groups.push(texts);
      if (this.fails(texts, this.groups.length)) throw new Error("503");
      return { vectors: texts.map((text) => embed(text, 512)), tokens: texts.length };
    }
    override async answer(): Promise<string> {
      this.asked++;
      return "It is so. [1]";
    }
  }
  const deps = (llm: Llm) => ({ llm, gate: new Gate({ concurrency: 4 }), backoff: 1 });
  const library = () => ({
    "all.md": Array.from(
      { length: 130 },
      (_, at) => `# Part ${at}\n\nThe pump number ${at} lifts ${at * 7} barrels an hour.\n`,
    ).join("\n"),
  });

  test("only the request that failed is sent again, and each passage keeps its own vector", async () => {
    const llm = new FakeLlm((_texts, call) => call === 2);
    const shared = createIndexShared(folderOf("many", library()), ["*.md"]);
    await createIndexFlow(deps(llm)).run(shared);
    expect(llm.groups.map(({ length }) => length).sort()).toEqual([2, 64, 64, 64]);
    expect(shared.spent).toEqual({ texts: 130, requests: 3, tokens: 130 });
    for (const [{ source, text }, vector] of shared.index ?? [])
      expect(vector).toEqual(embed(`${source}\n${text}`, 512));
    expect(shared.index?.size).toBe(130);
  });

  test("a document that cannot be read costs only itself", async () => {
    const folder = folderOf("unread", village);
    class LoadMore extends Load {
      override async prep(...args: Parameters<Load["prep"]>) {
        return [{ file: "gone.md", path: join(folder, "gone.md") }, ...(await super.prep(...args))];
      }
    }
    const shared = createIndexShared(folder, ["*.md"]);
    await new LoadMore().run(shared);
    expect(shared.documents?.map(({ file }) => file)).toEqual(["birds.md", "boats.md", "locks.md"]);
    expect(shared.unread).toEqual([expect.stringMatching(/^gone\.md: ENOENT/)]);
  });

  test("where nothing is near, the model is not asked", async () => {
    const llm = new FakeLlm();
    const text = "Boats pay four crowns of toll.";
    const index = new VectorIndex([{ source: "a", text }], [embed(text, 512)]);
    const flow = createAskFlow(deps(llm));
    const near: AskShared = { question: "What toll do boats pay?", index };
    const far: AskShared = { question: "Who paints the ceiling?", index };
    expect(await flow.run(far)).toBe("nothing found");
    expect(llm.asked).toBe(0);
    await flow.run(near);
    expect([near.answer, near.hits?.length, far.answer, llm.asked]).toEqual([
      "It is so. [1]",
      1,
      undefined,
      1,
    ]);
  });

  test("an index comes back from its file as it was, but not for another model", () => {
    const path = join(scratch, "kept.json");
    const passages = ["one", "two"].map((text) => ({ source: text, text }));
    const vectors = [Float32Array.of(0.1, -2, 3), Float32Array.of(1, 0, 0)];
    writeIndex(path, "a", new VectorIndex(passages, vectors));
    expect([...readIndex(path, "a")]).toEqual(passages.map((passage, at) => [passage, vectors[at]]));
    expect(readIndex(path, "b").size).toBe(0);
  });
});

test("passages are short, overlap by a short paragraph, and lose nothing", () => {
  const paragraphs = Array.from({ length: 40 }, (_, at) =>
    `Sentence ${at} ${"of the long tale ".repeat(at % 2 ? 20 : 5)}`.trim(),
  );
  const passages = chunk(
    "tale.md",
    `# Tale\n\n${paragraphs.join("\n\n")}\n\n# Table\n\n${"| a | b |\n".repeat(300)}`,
  );
  for (const { text } of passages) expect(text.length).toBeLessThanOrEqual(1_150);
  for (const paragraph of paragraphs)
    expect(passages.some(({ text }) => text.includes(paragraph))).toBe(true);
  const held = passages.filter(({ text }) => text.includes("Sentence 4 "));
  expect(passages.filter(({ source }) => source === "tale.md § Tale").length).toBeGreaterThanOrEqual(10);
  expect(held.length).toBeLessThanOrEqual(2);
  expect(passages.flatMap(({ text }) => text.match(/\| a/g) ?? []).length).toBeGreaterThanOrEqual(300);
});

test("texts that share words are near each other, whatever their length", () => {
  const near = (a: string, b: string) => cosine(embed(a, 512), embed(b, 512));
  expect(near("the gates of a lock", "a lock has two gates")).toBeGreaterThan(0.7);
  expect(near("the gates of a lock", "herons eat fish")).toBeLessThan(0.2);
  expect(near("lock gate", "lock gate lock gate")).toBeCloseTo(1);
});
