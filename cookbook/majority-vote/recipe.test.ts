// Runs the program as a user does, and the flow with votes that the test has written.
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
import { createVoteFlow } from "./flow.js";
import { Llm, normalised } from "./llm.js";
import { createShared } from "./nodes.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "majority-vote-"));
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
  test("is right although the model is wrong in two answers of five", async () => {
    const { code, text } = await start(["What is 3 + 4 * 5 - 6 * 7?"]).ended;
    expect(text).toMatch(/^No OPENAI_API_KEY: using a local stand-in at http:\/\/127\.0\.0\.1:\d+\/v1/);
    const tally = [...text.matchAll(/^ {2}(-?\d+) +■+ (\d)$/gm)].map(([, answer, count]) => [
      Number(answer),
      Number(count),
    ]);
    expect(tally[0]).toEqual([3 + 4 * 5 - 6 * 7, 3]);
    expect(tally.slice(1).sort()).toEqual([
      [3 + 4 * 5 - 6, 1], // forgets the end
      [((3 + 4) * 5 - 6) * 7, 1], // from left to right
    ]);
    expect(text).toContain("\nThe answer is -19, by 3 of 5 votes, in 1 round.\n");
    expect(code).toBe(0);
  });

  test("asks for more votes after a tie", async () => {
    const { code, text } = await start(["--votes", "2", "How many r's are in blueberry?"]).ended;
    expect(text).toContain("\nThe answer is 2, by 2 of 4 votes, in 2 rounds.\n");
    expect(code).toBe(0);
  });

  test("Ctrl-C ends all calls in hand", async () => {
    const service = createServer().listen(0, "127.0.0.1"); // takes calls, and never answers
    let calls = 0;
    service.on("request", () => calls++);
    await once(service, "listening");
    const { port } = service.address() as AddressInfo;
    const env = { OPENAI_API_KEY: "key", OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1` };
    const { child, ended } = start(["--votes", "6"], env);
    await vi.waitFor(() => expect(calls).toBe(6), { timeout: 60_000 });
    const stoppedAt = performance.now();
    child.kill("SIGINT");
    expect((await ended).code).toBe(130);
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    service.close();
  });

  test("explains wrong input", async () => {
    const runs = [
      [["--votes", "0"], "votes are counted from 1 to 100."],
      [["--votes", "9", "--most", "8"], "9 votes are more than the 8 there may be at most."],
    ] as const;
    for (const [args, message] of runs) {
      const { code, text } = await start([...args]).ended;
      expect(text).toContain(
        `error: Expected [question] [--votes n] [--most n], got "${args.join(" ")}": ${message}`,
      );
      expect(code).toBe(2);
    }
  });
});

/** Runs a vote among answers that come in this order; an error is a call that fails. */
async function runWith(answers: (string | Error)[], votes: number, most: number) {
  let [calls, running, peak] = [0, 0, 0];
  class Scripted extends Llm {
    override async vote(): Promise<string> {
      const answer = answers[calls++] ?? expect.unreachable("more votes than there should be");
      peak = Math.max(peak, ++running);
      await new Promise((resolve) => setTimeout(resolve, 10));
      running--;
      if (answer instanceof Error) throw answer;
      return answer;
    }
  }
  skipWaits();
  const shared = createShared("?", votes);
  const llm = new Scripted(new OpenAI({ apiKey: "none" }), "m");
  const outcome = await createVoteFlow({ llm, most }).run(shared, { maxSteps: 50 });
  return { outcome, shared, calls, peak };
}

test("votes are asked for at the same time, and the most frequent answer wins", async () => {
  const { outcome, shared, peak } = await runWith(["b", "a", "c", "a", "b", "a"], 6, 6);
  expect(outcome).toBe("decided");
  expect(peak).toBe(6);
  expect(shared.winner).toEqual({ answer: "a", count: 3 });
});

test("a tie asks for two more, until one is ahead", async () => {
  const { outcome, shared, calls } = await runWith(["a", "b", "a", "b", "c", "b"], 2, 20);
  expect(outcome).toBe("decided");
  expect(shared.winner).toEqual({ answer: "b", count: 3 });
  expect([calls, shared.rounds]).toEqual([6, 3]);
});

test("there is an end to a tie", async () => {
  const { outcome, shared, calls } = await runWith(["a", "b", "a", "b", "c"], 2, 5);
  expect(outcome).toBe("given up");
  expect(shared.winner).toBeUndefined();
  expect([calls, shared.rounds]).toEqual([5, 3]);
});

test("who fails is asked once more, and then abstains", async () => {
  const down = new Error("503");
  const { outcome, shared, calls } = await runWith([down, "a", "b", down, "b", down], 4, 4);
  expect(outcome).toBe("decided");
  expect(calls).toBe(6);
  expect(shared.winner).toEqual({ answer: "b", count: 2 });
  expect(shared.failures).toEqual(["503"]);
  const all = await runWith([down, down, down, down], 2, 20);
  expect(all.outcome).toBe("given up");
  expect(all.shared.failures).toEqual(["503", "503"]);
});

test("answers that mean the same are the same vote", () => {
  const groups = [
    ["1,200", "1200.", "**1200**", "1200.0"],
    ["Yes", "yes!", " “YES” "],
    ["12,5"],
    ["a  b", "A b."],
  ];
  for (const group of groups) expect(new Set(group.map(normalised)).size, group.join(" | ")).toBe(1);
  expect(new Set(groups.map(([first = ""]) => normalised(first))).size).toBe(groups.length);
});
