// Runs the program as a user does, through a pipe, and the flow against a model that the test can break.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import OpenAI from "openai";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { createChatFlow } from "./flow.js";
import { Llm } from "./llm.js";
import type { Message, Shared } from "./nodes.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "chat-"));
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
  child.stdin.on("error", () => {}); // a program that refuses to start does not read
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  return { child, text: () => text, ended: once(child, "close").then(([code]) => ({ code, text })) };
}

describe.concurrent("the program", () => {
  test("reads lines from a pipe, answers out of what was said before, and ends with the input", async () => {
    const { child, ended } = start();
    child.stdin.end("My boat is the Heron\n\nWhat is 12 times 12?\nWhat is my boat?\nWhat is my dog?\n");
    const { code, text } = await ended;
    expect(text).toMatch(/^No OPENAI_API_KEY: using a local stand-in at http:\/\/127\.0\.0\.1:\d+\/v1/);
    expect(text.split("\n").filter((line) => line.startsWith("Bot: "))).toEqual([
      "Bot: I will remember that your boat is the Heron.",
      "Bot: That is 144.",
      "Bot: Your boat is the Heron.",
      "Bot: You have not told me your dog.",
    ]);
    expect(text.endsWith("\nGoodbye, after 4 answers.\n")).toBe(true);
    expect(code).toBe(0);
  });

  test("stops at once on Ctrl-C while it waits for a line", async () => {
    const { child, text, ended } = start();
    child.stdin.write("Hello\n");
    await vi.waitFor(() => expect(text()).toContain("Bot: Hello."), { timeout: 60_000 });
    const stoppedAt = performance.now();
    child.kill("SIGINT");
    expect((await ended).code).toBe(130);
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    expect(text()).not.toContain("Error");
  });

  test("wrong input is told before anything starts", async () => {
    const runs = [
      [["hello"], {}, 'error: Expected no arguments, got "hello".'],
      [
        [],
        { OPENAI_API_KEY: "x", OPENAI_BASE_URL: "nowhere" },
        "error: Expected OPENAI_BASE_URL to be a URL",
      ],
    ] as const;
    for (const [args, env, message] of runs) {
      const { code, text } = await start([...args], env).ended;
      expect(text).toContain(message);
      expect(code).toBe(2);
    }
  });
});

/** Keeps what it was given, and answers with how much that was. */
class Recording extends Llm {
  readonly given: (readonly Message[])[] = [];
  constructor() {
    super(new OpenAI({ apiKey: "none" }), "m");
  }
  override async answer(messages: readonly Message[]): Promise<string> {
    this.given.push(messages);
    if (messages.at(-1)?.content === "fail") throw new Error("503 of the service");
    return `${messages.length} so far`;
  }
}

/** Runs a conversation of these lines. */
async function talk(lines: string[]) {
  const llm = new Recording();
  const shared: Shared = { messages: [] };
  const written: string[] = [];
  const terminal = { read: async () => lines.shift(), write: (text: string) => void written.push(text) };
  await createChatFlow({ llm, terminal }).run(shared);
  return { given: llm.given, shared, written, left: lines };
}

test("each call is given the whole conversation, and nothing that comes after it", async () => {
  const { given, shared, written, left } = await talk(["one", "  ", "two", "Bye!", "never"]);
  expect(given.map((messages) => messages.map(({ content }) => content))).toEqual([
    ["one"],
    ["one", "1 so far", "two"],
  ]);
  expect(shared.messages.map(({ role }) => role)).toEqual(["user", "assistant", "user", "assistant"]);
  expect(written).toEqual(["1 so far", "3 so far"]);
  expect(left).toEqual(["never"]);
});

test("a service that fails costs an answer, and not the conversation", async () => {
  skipWaits();
  const { given, shared, written } = await talk(["one", "fail", "two"]);
  expect(given.map((messages) => messages.length)).toEqual([1, 3, 3, 3, 3]);
  expect(written[1]).toBe("(No answer: 503 of the service. Say it again, or leave.)");
  expect(shared.messages.map(({ content }) => content)).toEqual(["one", "1 so far", "two", "3 so far"]);
});
