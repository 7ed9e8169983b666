// Runs the program as a user does, and the flow against answers that the test has written.
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
import { afterAll, describe, expect, test } from "vitest";
import { createOrderFlow } from "./flow.js";
import { Llm, type Refusal } from "./llm.js";
import type { Shared } from "./nodes.js";
import { startStandIn } from "./stand-in.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "structured-output-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function fileWith(name: string, text: string): string {
  writeFileSync(join(scratch, name), text);
  return name;
}

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
  test("without a key it says so, reads mails, and gives up one that is no order", async () => {
    const good = fileWith(
      "good.txt",
      "Two anchors at 1,000.25 each and 3 flags at 5 each: 2000 in total.\nRegards,\nMe, Tug Ltd\n",
    );
    const none = fileWith("none.txt", "We wish you a happy new year.\n");
    const { code, text } = await start([good, none]).ended;
    expect(text).toMatch(/^No OPENAI_API_KEY: using a local stand-in at http:\/\/127\.0\.0\.1:\d+\/v1/);
    const [, first = "", second = ""] = text.split(/\n(?=good|none)/);
    expect(first).toMatch(/^good\.txt: accepted after 3 answers\n/); // the types first, and then the sum
    expect(first).toContain("refused: lines.0.quantity: Invalid input: expected number, received string\n");
    expect(first).toContain("refused: total: Expected the sum of quantity × price over all lines");
    expect(first).toMatch(/ Tug Ltd\n +2 × anchor +1000\.25\n +3 × flag +5\.00\n +total +2015\.50\n/);
    expect(second).toMatch(/^none\.txt: given up after 3 answers\n/);
    expect(second).not.toContain("×  ");
    expect(code).toBe(1);
  });

  test("reads the mails that come with it", async () => {
    const { code, text } = await start().ended;
    const totals = [...text.matchAll(/accepted after (\d) answer|total +([\d.]+)$/gm)];
    expect(totals.map(([, answers, total]) => answers ?? total)).toEqual([
      "2",
      "309.00",
      "1",
      "462.00",
      "2",
      "2491.20",
    ]);
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
      ["gone.txt", 'error: Expected files with one mail each, got "gone.txt": ENOENT'],
      [fileWith("empty.txt", "\n"), 'error: Expected a mail in "empty.txt", got an empty file.'],
    ] as const;
    for (const [file, message] of runs) {
      const { code, text } = await start([file]).ended;
      expect(text).toContain(message);
      expect(code).toBe(2);
    }
  });
});

const order = { customer: "Tug Ltd", lines: [{ article: "flag", quantity: 2, price: 1.5 }], total: 3 };

/** Runs the flow with a model that gives these answers, and the last one for ever. */
async function runWith(answers: unknown[], most?: number) {
  const asked: (readonly Refusal[])[] = [];
  class Scripted extends Llm {
    override async extract(_mail: string, refused: readonly Refusal[]): Promise<string> {
      const answer = answers[Math.min(asked.push(refused), answers.length) - 1];
      return typeof answer === "string" ? answer : JSON.stringify(answer);
    }
  }
  const shared: Shared = { mail: "a mail", refused: [] };
  const llm = new Scripted(new OpenAI({ apiKey: "none" }), "m");
  const outcome = await createOrderFlow({ llm, ...(most && { answers: most }) }).run(shared);
  return { outcome, shared, asked };
}

test("a bad answer goes back with what was wrong, and a good one ends it", async () => {
  const { outcome, shared, asked } = await runWith(["Sure! {}", { ...order, total: 4, note: "" }, order]);
  expect(outcome).toBe("accepted");
  expect(shared.order).toEqual(order);
  expect(asked.map((refused) => refused.map(({ problems }) => problems.length))).toEqual([[], [1], [1, 2]]);
  expect(asked[2]?.[0]).toEqual({
    answer: "Sure! {}",
    problems: [expect.stringMatching(/^Expected JSON and nothing else: /)],
  });
  expect(asked[2]?.[1]?.problems).toEqual([
    'the object: Unrecognized key: "note"',
    expect.stringMatching(/^total: Expected the sum/),
  ]);
});

test("the loop is bounded", async () => {
  const { outcome, shared, asked } = await runWith([{ ...order, total: 4 }], 2);
  expect(outcome).toBe("given up");
  expect(asked).toHaveLength(2);
  expect(shared.order).toBeUndefined();
  expect(shared.refused[0]?.problems).toEqual([
    "total: Expected the sum of quantity × price over all lines, which is not 4",
  ]);
});

test("the prompt of a retry holds the refused answer and its problems", async () => {
  const standIn = await startStandIn();
  const bodies: { messages: { role: string; content: string }[] }[] = [];
  const client = new OpenAI({
    apiKey: "none",
    baseURL: standIn.url,
    fetch: (url, init) => {
      bodies.push(JSON.parse(String(init?.body)));
      return fetch(url, init);
    },
  });
  const mail = "Nine buoys at 10 each.\nRegards,\nMe, Tug Ltd\n";
  const shared: Shared = { mail, refused: [] };
  await createOrderFlow({ llm: new Llm(client, "m") }).run(shared);
  await standIn.close();
  expect(bodies.map(({ messages }) => messages.length)).toEqual([2, 4]);
  const [, , answer, complaint] = bodies[1]?.messages ?? [];
  expect(JSON.parse(answer?.content ?? "").lines).toEqual([{ article: "buoy", quantity: "Nine", price: 10 }]);
  expect(complaint?.content).toContain("- lines.0.quantity: Invalid input: expected number, received string");
  expect(shared.order).toEqual({
    customer: "Tug Ltd",
    lines: [{ article: "buoy", quantity: 9, price: 10 }],
    total: 90,
  });
});
