// Runs the program as a user does, and the flow with thoughts that the test has in hand.
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
import { afterAll, describe, expect, test } from "vitest";
import { createThinkingFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, Llm, type Step, type Thought } from "./llm.js";
import { createShared, type Mind } from "./nodes.js";
import { move, objectionTo, type Puzzle, parsePuzzle } from "./puzzle.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "thinking-"));
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

/** The moves that the program printed, with what the jugs hold after each. */
const answerIn = (text: string) =>
  [...text.matchAll(/^ {2}((?:fill|empty|pour) [A-D](?: [A-D])?) +([\d ]+)$/gm)].map(
    ([, move = "", litres = ""]) => ({
      move,
      litres: litres.split(" ").map(Number),
    }),
  );

describe.concurrent("the program", () => {
  test("revises its plan where two jugs are not enough, and measures what was asked for", async () => {
    const { code, text } = await start(["6", "10", "21", "7"]).ended;
    expect(code, text).toBe(0);
    expect(text).toContain("No OPENAI_API_KEY: using a local stand-in");
    const plans = text.split(/^\d+\. .+$/m).slice(1);
    expect(plans[0]).not.toContain("Search");
    expect(plans.at(-1)).toMatch(/\[x\] Search through everything .+: fill/);
    const answer = answerIn(text);
    const puzzle = { jugs: [6, 10, 21], target: 7 };
    let litres = [0, 0, 0];
    for (const { move: each, litres: printed } of answer) {
      litres = move(litres, each, puzzle);
      expect(printed).toEqual(litres);
    }
    expect(litres).toContain(7);
  });

  test("what cannot be done drops the rest of the plan", async () => {
    const { code, text } = await start(["6", "9", "4"]).ended;
    expect(text.match(/\[-\] Keep filling . and pouring it into .: It cannot be done/g)).toHaveLength(2);
    expect(text).toContain("It cannot be done, which was checked.");
    expect(answerIn(text)).toEqual([]);
    expect(code).toBe(0);
  });

  test("gives up after as many thoughts as there may be", async () => {
    const { code, text } = await start(["3", "5", "4", "--thoughts", "3"]).ended;
    expect(text.match(/^\d+\. /gm)).toEqual(["1. ", "2. ", "3. "]);
    expect(text).toContain("No answer after 3 thoughts.");
    expect(code).toBe(1);
  });

  test("explains wrong input", async () => {
    const { code, text } = await start(["3", "five", "4"]).ended;
    expect(text).toMatch(
      /^error: Expected the sizes of 2 to 4 jugs .+, got "3 five 4"\. Write for example: 3 5 4\.$/m,
    );
    expect(code).toBe(2);
  });

  test("stops at once on Ctrl-C while it thinks", async () => {
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

test("other mistakes are the user's as well", async () => {
  for (const words of [
    ["3", "4"],
    ["0", "5", "4"],
    ["1", "2", "3", "4", "5", "6"],
    ["100", "5", "4"],
  ]) {
    expect(() => parsePuzzle(words), words.join()).toThrow(InputError);
  }
  const env = { OPENAI_API_KEY: "x", OPENAI_BASE_URL: "here" };
  await expect(connect(env)).rejects.toThrow(InputError);
});

describe("the flow", () => {
  const puzzle: Puzzle = { jugs: [3, 5], target: 2 };
  const open = (step: string): Step => ({ step, status: "open", result: "" });
  const done = (step: string): Step => ({ step, status: "done", result: "so" });

  /** A model that has the given thoughts, and keeps what each began with. */
  class Scripted extends Llm {
    readonly minds: Mind[] = [];

    constructor(readonly thoughts: readonly Omit<Thought, "thinking">[]) {
      super(new OpenAI({ apiKey: "none" }), "");
    }

    override async think(mind: Mind): Promise<Thought> {
      this.minds.push(structuredClone(mind));
      const thought = this.thoughts[Math.min(this.minds.length, this.thoughts.length) - 1];
      return { thinking: "hm", plan: [], answer: null, ...thought };
    }
  }

  const solve = async (thoughts: Omit<Thought, "thinking">[], most = 9) => {
    const llm = new Scripted(thoughts);
    const shared = createShared(puzzle, most);
    const ending = await createThinkingFlow({ llm }).run(shared);
    return { ...shared, ending, minds: llm.minds };
  };

  test("each thought begins with the plan that the last one left", async () => {
    const plans = [
      [open("a"), open("b")],
      [done("a"), open("b"), open("c")],
      [done("a"), done("b")],
    ];
    const answer = ["fill B", "pour B A"];
    const { minds, ending, plan } = await solve(
      plans.map((plan, at) => ({ plan, answer: at === 2 ? answer : null })),
    );
    expect(ending).toBe("right");
    expect(minds.map(({ plan }) => plan)).toEqual([[], plans[0], plans[1]]);
    expect(plan).toEqual(plans[2]);
  });

  test("an answer that does not hold goes back with what is wrong with it", async () => {
    const { minds, ending, answer } = await solve([
      { plan: [done("a")], answer: ["fill A"] },
      { plan: [done("a")], answer: ["fill A", "drink A"] },
      { plan: [done("a")], answer: [] },
      { plan: [done("a")], answer: ["fill B", "pour B A"] },
    ]);
    expect(minds.map(({ objection }) => objection)).toEqual([
      undefined,
      "After these moves the jugs hold 3, 0 litres.",
      expect.stringMatching(/^Move 2: "drink A" is no move/),
      "It can be done: 2 is a multiple of 1 and fits into a jug.",
    ]);
    expect([ending, answer]).toEqual(["right", ["fill B", "pour B A"]]);
  });

  test("a thought that forgets what was done, or leaves nothing to do, is had again", async () => {
    const { thoughts, minds } = await solve([
      { plan: [done("a"), open("b")], answer: null },
      { plan: [open("b")], answer: null },
      { plan: [open("a"), open("b")], answer: null },
      { plan: [done("a"), done("b")], answer: ["fill B", "pour B A"] },
    ]);
    expect(minds).toHaveLength(4);
    expect(thoughts).toHaveLength(2);
    await expect(solve([{ plan: [done("a")], answer: null }])).rejects.toThrow(
      "no open step, and there is no answer",
    );
  });

  test("neither thinking on nor being wrong goes on for ever", async () => {
    const musing = await solve([{ plan: [open("a")], answer: null }], 5);
    expect([musing.ending, musing.thoughts.length]).toEqual(["out of thoughts", 5]);
    const wrong = await solve([{ plan: [open("a")], answer: ["fill A"] }], 4);
    expect([wrong.ending, wrong.thoughts.length, wrong.answer]).toEqual(["out of thoughts", 4, undefined]);
  });
});

test("the rules of the puzzle", () => {
  const puzzle: Puzzle = { jugs: [3, 5], target: 4 };
  expect(move([0, 4], "fill A", puzzle)).toEqual([3, 4]);
  expect(move([3, 4], "pour A B", puzzle)).toEqual([2, 5]);
  expect(move([3, 1], "pour A B", puzzle)).toEqual([0, 4]);
  expect(move([3, 1], "empty A", puzzle)).toEqual([0, 1]);
  for (const text of ["pour A", "pour A A", "fill C", "fill A B"]) {
    expect(() => move([0, 0], text, puzzle), text).toThrow(`"${text}" is no move`);
  }
  expect(objectionTo([], { jugs: [6, 9], target: 4 })).toBeUndefined();
  expect(objectionTo([], { jugs: [6, 9], target: 12 })).toBeUndefined();
});
