// Runs the program as a user does, and the flow with a model that keeps what it was given.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import OpenAI from "openai";
import { afterAll, describe, expect, test } from "vitest";
import { createMemoryChatFlow, type MemoryChatDeps } from "./flow.js";
import { Llm, type Prompt } from "./llm.js";
import { Memory } from "./memory.js";
import type { Shared } from "./nodes.js";
import { vectorOf } from "./stand-in.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "chat-memory-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function start(args: string[] = []) {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, ...env } = process.env;
  const child = spawn(process.execPath, ["--import", tsx, join(import.meta.dirname, "main.ts"), ...args], {
    cwd: scratch,
    env,
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  return { child, ended: once(child, "close").then(([code]) => ({ code, text })) };
}

async function talk(lines: string[], args: string[] = []) {
  const { child, ended } = start(args);
  child.stdin.end(lines.map((line) => `${line}\n`).join(""));
  const { code, text } = await ended;
  expect(code, text).toBe(0);
  return { text, turns: text.split("\n> ").slice(1) };
}

const FACTS = [
  "My boat is moored at pier seven.",
  "The soup was cold.",
  "Trams are late.",
  "Snow is falling.",
];
const QUESTION = "Where is my boat moored?";
const KNOWS = 'You told me: "My boat is moored at pier seven."';
const DOES_NOT = "You have not told me, as far as I can remember.";

describe("the program", () => {
  test("recalls what has left the window, and without recall it does not know", async () => {
    const [with_, without] = await Promise.all([
      talk([...FACTS, QUESTION]),
      talk([...FACTS, QUESTION], ["--recall", "0"]),
    ]);
    expect(with_.text).toContain("No OPENAI_API_KEY: using a local stand-in");
    expect(with_.turns.at(-1)).toMatch(/\n {2}\[recalled: My boat is moored at pier seven\. \(0\.\d\d\)\]\n/);
    expect(with_.turns.at(-1)).toContain(KNOWS);
    expect(without.turns.at(-1)).toContain(DOES_NOT);
  });

  test("remembers over a restart, where it is given a file", async () => {
    const file = ["--memory", "memory.sqlite"];
    await talk(FACTS, file);
    expect((await talk([QUESTION], file)).turns[0]).toContain(KNOWS);
  });

  test("explains wrong input, and stops at once on Ctrl-C while it waits for a line", async () => {
    writeFileSync(join(scratch, "notes.txt"), "no database\n".repeat(100));
    const wrong = await start(["--memory", "notes.txt"]).ended;
    expect(wrong.text).toContain('error: Expected --memory to name a SQLite file, got "notes.txt"');
    expect(wrong.code).toBe(2);

    const waiting = start();
    await once(waiting.child.stdout, "data");
    waiting.child.kill("SIGINT");
    expect((await waiting.ended).code).toBe(130);
  });
});

/** A model that keeps what it is given. */
class Recording extends Llm {
  readonly prompts: Prompt[] = [];
  readonly embedded: string[] = [];

  constructor(embedder = "words") {
    super(new OpenAI({ apiKey: "none" }), "", embedder);
  }

  override async answer(prompt: Prompt): Promise<string> {
    this.prompts.push(prompt);
    return `answer ${this.prompts.length}`;
  }

  override async embed(text: string): Promise<readonly number[]> {
    this.embedded.push(text);
    return vectorOf(text);
  }
}

async function converse(said: readonly string[], options: Partial<MemoryChatDeps> = {}) {
  const llm = new Recording();
  const memory = options.memory ?? new Memory(":memory:", llm.embedder);
  const flow = createMemoryChatFlow({ llm, memory, ...options });
  let shared: Shared = { question: "" };
  for (const question of said) {
    shared = { question };
    await flow.run(shared);
  }
  return { llm, memory, shared };
}
const questionsOf = (exchanges: readonly { question: string }[] = []) =>
  exchanges.map(({ question }) => question);

describe("the flow", () => {
  const said = ["red apples", "green apples", "blue sky", "grey sky", "apples"];

  test("gives the model the newest exchanges in order, and older ones only by their meaning", async () => {
    const { llm } = await converse(said, { window: 2 });
    const { question, window, recalled } = llm.prompts.at(-1) as Prompt;
    expect(question).toBe("apples");
    expect(window).toEqual([
      { question: "blue sky", answer: "answer 3" },
      { question: "grey sky", answer: "answer 4" },
    ]);
    expect(questionsOf(recalled)).toEqual(["red apples", "green apples"]);
  });

  test("recalls no more than it was told to, the likest first, and nothing twice", async () => {
    const more = [...said.slice(0, 4), "apples apples apples", "x", "y", "apples"];
    const { shared } = await converse(more, { window: 2, recall: 1 });
    expect(questionsOf(shared.recalled)).toEqual(["apples apples apples"]);
    const { shared: single } = await converse(["red apples", "x", "green apples", "apples"], { window: 1 });
    expect(questionsOf(single.recalled)).toEqual(["red apples"]); // the green ones are in the window
    const { shared: all } = await converse(said, { window: 4, recall: 10 });
    expect(all.recalled).toBeUndefined(); // all four are in the window
    const { shared: none } = await converse(said, { window: 2, recall: 10, likeness: 0.99 });
    expect(none.recalled).toEqual([]);
  });

  test("pays for no vector of a question while the window holds everything", async () => {
    const { llm } = await converse(said.slice(0, 3), { window: 2 });
    expect(llm.embedded).toEqual(["red apples\nanswer 1", "green apples\nanswer 2", "blue sky\nanswer 3"]);
    const longer = await converse(said.slice(0, 4), { window: 2 });
    expect(longer.llm.embedded.slice(3)).toEqual(["grey sky", "grey sky\nanswer 4"]);
  });

  test("never compares the vectors of two models", async () => {
    const path = join(scratch, "two.sqlite");
    const { memory } = await converse(["red apples", "x"], { memory: new Memory(path, "another") });
    memory.close();
    const { shared } = await converse(["apples"], { memory: new Memory(path, "words"), window: 1 });
    expect([shared.recalled, questionsOf(shared.window)]).toEqual([[], ["x"]]);
  });

  test("an exchange that failed is not remembered", async () => {
    const memory = new Memory(":memory:", "words");
    const llm = new Recording();
    llm.answer = () => Promise.reject(new OpenAI.APIError(400, undefined, "no", undefined));
    await expect(createMemoryChatFlow({ llm, memory }).run({ question: "hello" })).rejects.toThrow("no");
    expect(memory.count()).toBe(0);
  });
});
