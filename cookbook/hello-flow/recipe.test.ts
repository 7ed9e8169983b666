// Runs the program as a user does, and the flow against a model that the test can break.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import OpenAI from "openai";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { createHelloFlow } from "./flow.js";
import { Llm } from "./llm.js";
import type { Shared } from "./nodes.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "hello-flow-"));
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
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  return { child, ended: once(child, "close").then(([code]) => ({ code, text })) };
}

describe.concurrent("the program", () => {
  test("without a key it says so, and answers what it was asked", async () => {
    for (const [question, answer] of [
      ["What is 19 times 21?", "It is 399."],
      ['How many vowels are in "the lock keeper"?', "“the lock keeper” has 5 vowels."],
    ] as const) {
      const { code, text } = await start([question]).ended;
      expect(text).toMatch(/^No OPENAI_API_KEY: using a local stand-in at http:\/\/127\.0\.0\.1:\d+\/v1/);
      expect(text.split("\n").slice(-3)).toEqual([`Question: ${question}`, `Answer:   ${answer}`, ""]);
      expect(code).toBe(0);
    }
  });

  test("with a key it asks the service that the environment names, and Ctrl-C ends the call", async () => {
    const service = createServer().listen(0, "127.0.0.1"); // takes calls, and never answers
    await once(service, "listening");
    const { port } = service.address() as AddressInfo;
    const env = { OPENAI_API_KEY: "key", OPENAI_MODEL: "m", OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1` };
    const { child, ended } = start(["Hello?"], env);
    const [request] = await once(service, "request");
    expect([request.url, request.headers.authorization]).toEqual(["/v1/chat/completions", "Bearer key"]);
    let body = "";
    for await (const chunk of request) body += chunk;
    expect(JSON.parse(body)).toEqual({ model: "m", messages: [{ role: "user", content: "Hello?" }] });
    const stoppedAt = performance.now();
    child.kill("SIGINT");
    const { code, text } = await ended;
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    expect(text.split("\n")[0]).toBe(`Using m at http://127.0.0.1:${port}/v1.`);
    expect(text).not.toContain("Error");
    expect(code).toBe(130);
    service.close();
  });

  test("wrong input is told before anything starts", async () => {
    const runs = [
      [[" "], {}, "error: Expected a question, got an empty text."],
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

test("a call that fails is tried again, with the question from the store", async () => {
  const asked: string[] = [];
  class Flaky extends Llm {
    override async answer(question: string): Promise<string> {
      if (asked.push(question) === 1) throw new Error("503");
      return "Forty-two.";
    }
  }
  const shared: Shared = { question: "What is it?" };
  skipWaits();
  await createHelloFlow({ llm: new Flaky(new OpenAI({ apiKey: "none" }), "m") }).run(shared);
  expect(asked).toEqual(["What is it?", "What is it?"]);
  expect(shared.answer).toBe("Forty-two.");
});
