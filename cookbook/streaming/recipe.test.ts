// Runs the program as a user does, and the flow with a person and a model that the test plays.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { pathToFileURL } from "node:url";
import { EventEmitter } from "eventemitter3";
import OpenAI from "openai";
import type { RunEvents } from "sluice";
import { describe, expect, test, vi } from "vitest";
import { createTalkFlow } from "./flow.js";
import { Llm, type Message } from "./llm.js";
import type { Shared, Told } from "./nodes.js";
import { Keyboard, type Person } from "./person.js";
import { replyTo, takeApart } from "./stand-in.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const program = join(import.meta.dirname, "main.ts");

function start(args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, ...clean } = process.env;
  const child = spawn(process.execPath, ["--import", tsx, program, ...args], {
    cwd: tmpdir(),
    env: { ...clean, ...env },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  const prints = (what: string | RegExp) =>
    vi.waitFor(() => expect(text).toMatch(what), { timeout: 60_000, interval: 5 });
  return { child, text: () => text, prints, ended: once(child, "close").then(([code]) => ({ code, text })) };
}

describe.concurrent("the program", () => {
  const question = "how slow rivers hold ships";
  const long = "how slow rivers hold ships ".repeat(40); // half a minute of an answer

  test("Ctrl-C once keeps what was said, and the model goes on from there; twice leaves", async () => {
    const { child, text, prints, ended } = start();
    child.stdin.write(`${question}\n`);
    await prints(/You wrote 5 words\. Word 1/);
    child.kill("SIGINT");
    await prints(/\[stopped after \d+ words/);
    child.stdin.write("go on\n");
    await prints(/\[first words after/);
    const [, half = "", rest = ""] =
      /stopped\.\n(You wrote.*)\n {2}\[stopped.*\]\n(.*)\n {2}\[first words/.exec(text()) ?? [];
    expect(half + rest).toBe(takeApart(question));
    expect(rest.length).toBeGreaterThan(100);

    child.stdin.write(`${long}\n`);
    await prints(/first words[\s\S]*You wrote 200/);
    child.kill("SIGINT");
    await prints(/first words[\s\S]*stopped after/);
    const stoppedAt = performance.now();
    child.kill("SIGINT");
    expect((await ended).code).toBe(130);
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
  });

  test("answers each line of a file, word for word as they come, and ends by itself", async () => {
    const { child, ended } = start();
    let pieces = 0;
    child.stdout.on("data", () => pieces++);
    child.stdin.end("one gate\n\nopen\n");
    const { code, text } = await ended;
    expect(code, text).toBe(0);
    expect(text).toContain(`\n${takeApart("one gate")}\n  [first words after`);
    expect(text).toContain(`]\n${takeApart("open")}\n  [first words after`);
    expect(pieces).toBeGreaterThan(20);
    expect(text).not.toContain("stopped after");
  });

  test("with one question, Ctrl-C ends the program at once and shows what there is", async () => {
    const { child, prints, ended } = start([long]);
    await prints(/You wrote 200/);
    const stoppedAt = performance.now();
    child.kill("SIGINT");
    const { code, text } = await ended;
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    expect(text).toMatch(/\[stopped after \d+ words and [\d.]+ s; they are kept/);
    expect(code).toBe(130);
  });

  test("explains wrong input", async () => {
    const silent = start();
    silent.child.stdin.end("\n\n");
    const wrong = start(["hello"], { OPENAI_API_KEY: "x", OPENAI_BASE_URL: "here" });
    const ends = await Promise.all([silent.ended, wrong.ended]);
    expect(ends.map(({ code }) => code)).toEqual([2, 2]);
    expect(ends[0]?.text).toContain("error: Expected a question as an argument, or one on each line");
    expect(ends[1]?.text).toContain("error: Expected OPENAI_BASE_URL to be a URL such as");
  });
});

/** A model that says what the test tells it to, and remembers how it was called. */
class PlayedLlm extends Llm {
  readonly asked: { messages: readonly Message[]; signal: AbortSignal }[] = [];
  readonly #say: (signal: AbortSignal) => AsyncGenerator<string, void, undefined>;
  constructor(say: (signal: AbortSignal) => AsyncGenerator<string, void, undefined>) {
    super(new OpenAI({ apiKey: "none" }), "");
    this.#say = say;
  }
  override stream(messages: readonly Message[], signal: AbortSignal) {
    this.asked.push({ messages: [...messages], signal });
    return this.#say(signal);
  }
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
const newShared = (): Shared => ({ messages: [], answers: [] });

/** A person who stops the first answer when its second piece has come. */
function played(llm: Llm, questions: string[]) {
  const events = new EventEmitter<RunEvents>();
  const told: Told[] = [];
  let key = new AbortController();
  const person: Person = {
    question: async () => questions.shift(),
    listen: () => {
      key = new AbortController();
      return { signal: key.signal, close: () => {} };
    },
  };
  events.on("data", ({ data }) => told.push(data as Told));
  return { told, events, press: () => key.abort(), flow: createTalkFlow({ llm, person }) };
}

describe("the flow", () => {
  test("an answer that was stopped is half an answer, at the vendor too, and the model is told", async () => {
    const llm = new PlayedLlm(async function* (signal) {
      yield "Once ";
      yield "upon ";
      if (llm.asked.length === 1) scene.press();
      if (llm.asked.length === 1 && !signal.aborted) await aborted(signal);
      yield "too late";
    });
    const scene = played(llm, ["a tale", "go on"]);
    const shared = newShared();
    expect(await scene.flow.run(shared, { events: scene.events })).toBe("no more");
    expect(llm.asked[0]?.signal.aborted).toBe(true);
    expect(scene.told.slice(0, 3)).toEqual([
      { piece: "Once " },
      { piece: "upon " },
      { answered: expect.objectContaining({ text: "Once upon ", stopped: true }) },
    ]);
    expect(llm.asked[1]?.messages).toEqual([
      { role: "user", content: "a tale" },
      { role: "assistant", content: "Once upon " },
      { role: "system", content: expect.stringContaining("stopped you here") },
      { role: "user", content: "go on" },
    ]);
  });

  test("an abort of the run keeps nothing, and an error of the vendor is an error", async () => {
    const stop = new AbortController();
    const slow = played(
      new PlayedLlm(async function* (signal) {
        yield "Once ";
        stop.abort(new Error("leaving"));
        if (!signal.aborted) await aborted(signal);
      }),
      ["a tale"],
    );
    const shared = newShared();
    await expect(slow.flow.run(shared, { signal: stop.signal })).rejects.toThrow("leaving");
    expect(shared.answers).toEqual([]);

    const broken = played(
      new PlayedLlm(async function* () {
        yield "Once ";
        throw new Error("the line is dead");
      }),
      ["a tale"],
    );
    await expect(broken.flow.run(newShared())).rejects.toThrow("the line is dead");
  });
});

describe("the keyboard", () => {
  function typing(live: boolean) {
    const input = new PassThrough();
    const counts = { prompts: 0, leaves: 0 };
    const lines = createInterface({ input });
    const keyboard = new Keyboard(lines, live, {
      onPrompt: () => counts.prompts++,
      onLeave: () => counts.leaves++,
    });
    const type = async (text: string) => {
      const seen = once(lines, "line");
      input.write(text);
      await seen;
    };
    return { keyboard, type, counts, question: () => keyboard.question(new AbortController().signal) };
  }

  test("Enter stops an answer, and once more leaves; a line stops it too and is the next question", async () => {
    const { keyboard, type, counts, question } = typing(true);
    await type("first\n");
    expect(await question()).toBe("first");
    const answer = keyboard.listen();
    await type("second\n");
    expect(answer.signal.aborted).toBe(true);
    answer.close();
    expect(await question()).toBe("second");
    const next = keyboard.listen();
    await type("\n");
    expect(next.signal.aborted).toBe(true);
    next.close();
    const last = question();
    await type("\n");
    expect(await last).toBeUndefined();
    expect(counts).toEqual({ prompts: 1, leaves: 0 });
  });

  test("Enter at an empty prompt only shows the prompt again", async () => {
    const { type, counts, question } = typing(true);
    const asked = question();
    await type("\n");
    await type("hello\n");
    expect(await asked).toBe("hello");
    expect(counts.prompts).toBe(2);
  });

  test("lines out of a file stop nothing; Ctrl-C does, and leaves where nothing is to be stopped", async () => {
    const { keyboard, type, counts, question } = typing(false);
    const answer = keyboard.listen();
    await type("waits\n");
    expect(answer.signal.aborted).toBe(false);
    keyboard.interrupt();
    expect(answer.signal.aborted).toBe(true);
    expect(counts.leaves).toBe(0);
    keyboard.interrupt();
    expect(counts.leaves).toBe(1);
    answer.close();
    expect(await question()).toBe("waits");
  });
});

test("the stand-in goes on where it was stopped, however often", () => {
  const whole = takeApart("a b");
  const user = (content: string) => ({ role: "user", content });
  const assistant = (content: string) => ({ role: "assistant", content });
  expect(replyTo([user("a b")])).toBe(whole);
  expect(replyTo([user("a b"), assistant(whole.slice(0, 9)), user("go on")])).toBe(whole.slice(9));
  expect(
    replyTo([
      user("a b"),
      assistant(whole.slice(0, 9)),
      user("go on"),
      assistant(whole.slice(9, 20)),
      user("go on"),
    ]),
  ).toBe(whole.slice(20));
  expect(replyTo([user("a b"), assistant(whole), user("go on")])).toBe("That was all.");
});
