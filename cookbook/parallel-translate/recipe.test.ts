// Runs the program as a user does, and the flow with a model whose answers the test holds back and breaks.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import OpenAI from "openai";
import { Gate } from "sluice";
import { afterAll, describe, expect, test, vi } from "vitest";
import { splitDocument } from "./document.js";
import { createTranslateFlow } from "./flow.js";
import { Llm } from "./llm.js";
import { createShared } from "./nodes.js";
import { languages, translateWords } from "./stand-in.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const program = join(import.meta.dirname, "main.ts");
const scratch = mkdtempSync(join(tmpdir(), "translate-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function start(args: string[], env: NodeJS.ProcessEnv = {}) {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, ...clean } = process.env;
  const cwd = mkdtempSync(join(scratch, "run-"));
  const child = spawn(process.execPath, ["--import", tsx, program, ...args], {
    cwd,
    env: { ...clean, ...env },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  const ended = once(child, "close").then(([code]) => ({ code, text }));
  return { child, cwd, text: () => text, ended };
}

/** A document of three parts, each of which says which it is. */
const fence = "```sh\nnot the time, and\n\nnot this word\n```";
const chapter = (n: number) =>
  `# Chapter ${n}\n\n${"The word and the time of `this` [is](this).\n\n".repeat(80)}${fence}`;
const document = [1, 2, 3].map(chapter).join("\n\n");
const path = join(scratch, "book.md");
writeFileSync(path, document);

describe.concurrent("the program", () => {
  test("writes a whole translation for each language, and is faster at once than one after another", async () => {
    const { ended, cwd } = start([path, "--to", "German, French"]);
    const { code, text } = await ended;
    expect(code, text).toBe(0);
    expect(text).toContain("No OPENAI_API_KEY: using a local stand-in at http://127.0.0.1:");
    expect(text).toContain("book.md has 3 parts, and 2 languages make that 6 calls.");
    const seconds = (row: string) => Number(new RegExp(`${row} +([\\d.]+) s`).exec(text)?.[1]);
    expect(seconds("one after another")).toBeGreaterThan(2 * seconds("at once"));

    const folder = join(cwd, "translations");
    expect(readdirSync(folder).sort()).toEqual(["book.french.md", "book.german.md"]);
    const german = readFileSync(join(folder, "book.german.md"), "utf8");
    expect(german).toBe(`${translateWords(document, "German")}\n`);
    expect(german.match(/# Chapter \d/g)).toEqual(["# Chapter 1", "# Chapter 2", "# Chapter 3"]);
    expect(german).toContain("Die Wort und die Zeit von `this` [ist](this).");
    expect(german.split(fence)).toHaveLength(4);
    expect(readFileSync(join(folder, "book.french.md"), "utf8")).toContain("Le mot et le temps de `this`");
  });

  test("a language that fails is told, and leaves the others whole", async () => {
    const { ended, cwd } = start([path, "--to", "Klingon,Dutch", "--no-compare", "--out", "there"]);
    const { code, text } = await ended;
    expect(code).toBe(1);
    expect(text).toContain("Not in Klingon: 400 The stand-in knows no Klingon, only German");
    expect(readdirSync(join(cwd, "there"))).toEqual(["book.dutch.md"]);
  });

  test("stops at once on Ctrl-C, and leaves no half file", async () => {
    const { child, ended, text, cwd } = start([path]);
    await vi.waitFor(() => expect(text()).toContain("No OPENAI_API_KEY"), 60_000);
    const stoppedAt = performance.now();
    child.kill("SIGINT");
    expect((await ended).code).toBe(130);
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    expect(existsSync(join(cwd, "translations"))).toBe(false);
  });

  test.each([
    ["a file that is not there", ["none.md"], {}, 'error: Expected a document to translate, got "'],
    ["a path for a language", ["--to", "../x"], {}, 'Expected names of languages, such as "German,French"'],
    ["no calls at all", ["--concurrency", "0"], {}, "Expected an integer from 1 up."],
    [
      "a wrong URL",
      [],
      { OPENAI_API_KEY: "x", OPENAI_BASE_URL: "here" },
      "error: Expected OPENAI_BASE_URL to be",
    ],
  ])("explains %s", async (_what, args, env, message) => {
    const { code, text } = await start(args, env).ended;
    expect(text).toContain(message);
    expect(code).toBe(2);
  });
});

/** A model whose every answer the test gives by hand. */
class HeldLlm extends Llm {
  readonly calls: { task: string; answer: () => void; fail: (error: Error) => void }[] = [];
  constructor() {
    super(new OpenAI({ apiKey: "none" }), "");
  }
  override translate(text: string, language: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const task = `${text}>${language}`;
      this.calls.push({ task, answer: () => resolve(task), fail: reject });
    });
  }
}
const errorOf = (status: number) => OpenAI.APIError.generate(status, {}, `status ${status}`, new Headers());

describe("the flow", () => {
  const small = join(scratch, "small.txt");
  writeFileSync(small, "one\n\ntwo\n");
  const run = (llm: Llm, concurrency: number, folder: string, to = ["A", "B"]) => {
    const shared = createShared({ path: small, languages: to, folder: join(scratch, folder) });
    const flow = createTranslateFlow({ llm, gate: new Gate(), concurrency, letters: 3, backoff: 1 });
    return { shared, ended: flow.run(shared) };
  };

  test("puts the parts in order, whichever answer comes first, and makes no more calls at once than it may", async () => {
    const llm = new HeldLlm();
    const { shared, ended } = run(llm, 3, "order");
    await vi.waitFor(() => expect(llm.calls).toHaveLength(3));
    llm.calls[2]?.answer();
    await vi.waitFor(() => expect(llm.calls).toHaveLength(4));
    for (const call of [...llm.calls].reverse()) call.answer();
    await ended;
    expect(llm.calls.map(({ task }) => task)).toEqual(["one>A", "two>A", "one>B", "two>B"]);
    expect([...shared.translations]).toEqual([
      ["A", "one>A\n\ntwo>A\n"],
      ["B", "one>B\n\ntwo>B\n"],
    ]);
    expect(shared.files.map((file) => readFileSync(file, "utf8"))).toEqual([...shared.translations.values()]);
  });

  test("a call that failed goes again by itself, and one that will never do does not", async () => {
    const llm = new HeldLlm();
    const { shared, ended } = run(llm, 4, "again");
    await vi.waitFor(() => expect(llm.calls).toHaveLength(4));
    llm.calls[1]?.fail(errorOf(500));
    llm.calls[2]?.fail(errorOf(400));
    for (const call of llm.calls) call.answer();
    await vi.waitFor(() => expect(llm.calls).toHaveLength(5));
    llm.calls[4]?.answer();
    await ended;
    expect(llm.calls[4]?.task).toBe("two>A");
    expect([...shared.translations.keys()]).toEqual(["A"]);
    expect([...shared.failures]).toEqual([["B", "400 status 400"]]);
    expect(readdirSync(join(scratch, "again"))).toEqual(["small.a.txt"]);
  });

  test("where nothing was translated nothing is written", async () => {
    const llm = new HeldLlm();
    const { shared, ended } = run(llm, 4, "nothing", ["A"]);
    await vi.waitFor(() => expect(llm.calls).toHaveLength(2));
    for (const call of llm.calls) call.fail(errorOf(401));
    expect(await ended).toBe("nothing translated");
    expect(shared.files).toEqual([]);
    expect(existsSync(join(scratch, "nothing"))).toBe(false);
  });
});

test("a document is split between paragraphs only, and never inside code", () => {
  const parts = splitDocument(`\n${document}\n`, 1_000);
  expect(parts.join("\n\n")).toBe(document);
  expect(parts.length).toBeGreaterThan(8);
  for (const part of parts) {
    expect(part.length).toBeLessThanOrEqual(1_000);
    expect((part.match(/```/g) ?? []).length % 2).toBe(0);
  }
  expect(splitDocument(`a\n\n${fence}\n\nb`, 5)).toEqual(["a", fence, "b"]);
});

test("the stand-in has a word for each of its English words", () => {
  const sentence = "the and or of in to with for from by not no one two all each many more you your what";
  for (const language of languages)
    expect(translateWords(sentence, language)).not.toMatch(/\b(the|each|what)\b/);
  expect(translateWords("time word", "Polish")).toBe("czas słowo");
  for (const language of languages) expect(translateWords("word", language)).not.toBe("word");
});
