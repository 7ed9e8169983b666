// Runs the program as a user does, and commissions whose writer and judge the test has in hand.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { LLMock } from "@copilotkit/aimock";
import OpenAI from "openai";
import { afterAll, describe, expect, test } from "vitest";
import { createCommissionFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, Llm } from "./llm.js";
import { createShared, type Task } from "./nodes.js";
import { type Review, scoreOf } from "./rubric.js";
import { judge as count } from "./stand-in.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "judge-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function start(args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, ...clean } = process.env;
  const child = spawn(process.execPath, ["--import", tsx, join(import.meta.dirname, "main.ts"), ...args], {
    cwd: scratch,
    env: { ...clean, ...env },
    detached: true,
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  return { child, ended: once(child, "close").then(([code]) => ({ code, text })) };
}

describe.concurrent("the program", () => {
  test("revises until every fact of the package is told, without praise", async () => {
    const folder = join(scratch, "node_modules", "lock-keeper");
    mkdirSync(folder, { recursive: true });
    const manifest = {
      version: "7.1.0",
      license: "ISC",
      dependencies: { a: "1", b: "2" },
      engines: { node: ">=9" },
    };
    const description = "Opens the upper gates for boats";
    writeFileSync(
      join(folder, "package.json"),
      JSON.stringify({ name: "lock-keeper", description, ...manifest }),
    );
    const { code, text } = await start(["lock-keeper", "--tries", "9"]).ended;
    expect(code, text).toBe(0);
    expect(text).toContain("No OPENAI_API_KEY: using a local stand-in");
    const drafts = [...text.matchAll(/^Draft (\d): ([\d.]+) .+\n {2}(.+)$/gm)];
    const scores = drafts.map(([, , score]) => Number(score));
    expect(scores.length).toBeGreaterThan(2);
    expect(scores).toEqual([...scores].sort((a, b) => a - b));
    expect(drafts[0]?.[3]).toMatch(/amazing/);
    const last = drafts.at(-1)?.[3] ?? "";
    for (const fact of [
      description,
      "7.1.0",
      "licence is ISC",
      "Node >=9",
      "2 other packages",
      "names no types",
    ]) {
      expect(last).toContain(fact);
    }
    expect(last).not.toMatch(/amazing|love/);
    expect(text).toContain(`Good enough: draft ${scores.length} is the best.`);
  });

  test("is out of tries with the best that there was", async () => {
    const { code, text } = await start(["openai", "--tries", "2", "--good", "10"]).ended;
    expect(text.match(/^Draft /gm)).toHaveLength(2);
    expect(text).toContain("Out of tries: draft 2 is the best.");
    expect(code).toBe(0);
  });

  test.each([
    [["--good", "11"], 'error: Expected --good to be a score from 0 to 10, got "11". Write --good 9.'],
    [
      ["no-such-package"],
      'error: Expected the name of an installed package, got "no-such-package". Install it',
    ],
  ])("explains %j", async (args, message) => {
    const { code, text } = await start(args).ended;
    expect(text).toContain(message);
    expect(code).toBe(2);
  });

  test("stops at once on Ctrl-C while the writer thinks", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const asked = once(server, "request"); // and never answered
    const { child, ended } = start([], {
      OPENAI_API_KEY: "x",
      OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`,
    });
    await asked;
    const stoppedAt = performance.now();
    process.kill(-(child.pid as number), "SIGINT"); // to the whole group, as a terminal does
    expect((await ended).code).toBe(130);
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    server.close();
  });
});

test("a service that has no URL is an error of the user's", async () => {
  const env = { OPENAI_API_KEY: "x", OPENAI_BASE_URL: "here" };
  await expect(connect(env)).rejects.toThrow(InputError);
});

describe("the flow", () => {
  /** A writer that writes the given texts, and a judge that gives the given points; both keep what they saw. */
  class Scripted extends Llm {
    readonly tasks: Task[] = [];
    readonly exhibits: string[] = [];

    constructor(readonly points: readonly number[]) {
      super(new OpenAI({ apiKey: "none" }), "");
    }

    override async write(task: Task) {
      this.tasks.push(structuredClone(task));
      return `text ${this.tasks.length}`;
    }

    override async judge(facts: readonly string[], text: string): Promise<Review> {
      this.exhibits.push(JSON.stringify([facts, text]));
      const points = this.points[this.exhibits.length - 1] ?? 0;
      return { facts: points, plain: points, brief: points, advice: [`about ${text}`] };
    }
  }

  const commission = async (points: number[], limits: { good: number; tries: number }) => {
    const llm = new Scripted(points);
    const shared = createShared(["a fact"], limits);
    const ending = await createCommissionFlow({ writer: llm, judge: llm }).run(shared);
    return { ...shared, llm, ending };
  };

  test("keeps the best draft, and revises that one with the advice on it, not the last", async () => {
    const { best, llm, ending } = await commission([3, 7, 2, 5], { good: 9, tries: 4 });
    expect(ending).toBe("out of tries");
    expect(best?.text).toBe("text 2");
    expect(llm.tasks.map(({ best }) => best?.text)).toEqual([undefined, "text 1", "text 2", "text 2"]);
    expect(llm.tasks.map(({ best }) => best?.review.advice)).toEqual([
      undefined,
      ["about text 1"],
      ["about text 2"],
      ["about text 2"],
    ]);
  });

  test("stops paying with the first draft that is good enough, also the very first", async () => {
    const second = await commission([8.9, 9, 10], { good: 9, tries: 5 });
    expect([second.ending, second.drafts.length, second.best?.score]).toEqual(["good enough", 2, 9]);
    const first = await commission([9], { good: 9, tries: 1 });
    expect([first.ending, first.drafts.length]).toEqual(["good enough", 1]);
  });

  test("the judge sees the facts and the text, and never what was thought of earlier ones", async () => {
    const { llm } = await commission([1, 2], { good: 9, tries: 2 });
    expect(llm.exhibits).toEqual(['[["a fact"],"text 1"]', '[["a fact"],"text 2"]']);
  });

  test("marks that are none are asked for again", async () => {
    const marks = { facts: 10, plain: 10, brief: 8, advice: [] };
    const answers = [{ ...marks, facts: 12 }, { ...marks, brief: "8" }, marks];
    const mock = new LLMock({ host: "127.0.0.1", port: 0 });
    mock.on({ endpoint: "chat" }, () => ({ content: JSON.stringify(answers.shift()) }));
    await mock.start();
    try {
      const judge = new Llm(new OpenAI({ apiKey: "none", baseURL: `${mock.url}/v1`, maxRetries: 0 }), "m");
      const shared = createShared([], { good: 9, tries: 1 });
      await createCommissionFlow({ writer: new Scripted([]), judge }).run(shared);
      expect(shared.best).toEqual({ text: "text 1", review: marks, score: 9.5 });
      expect(answers).toEqual([]);
    } finally {
      await mock.stop();
    }
  });
});

test("facts count for half of the score", () => {
  expect(scoreOf({ facts: 10, plain: 0, brief: 0 })).toBe(5);
  expect(scoreOf({ facts: 0, plain: 10, brief: 5 })).toBe(3.8);
});

test("the stand-in judges what is there", () => {
  const facts = ["It opens gates.", "Its licence is ISC."];
  expect(count(facts, "It opens gates. Its licence is ISC.")).toEqual({
    facts: 10,
    plain: 10,
    brief: 10,
    advice: [],
  });
  expect(count(facts, `It opens simple gates.${" so".repeat(48)}`)).toEqual({
    facts: 5,
    plain: 7,
    brief: 8,
    advice: ["Leave out: simple", "Say also: Its licence is ISC.", "Use 2 words less."],
  });
});
