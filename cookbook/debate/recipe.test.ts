// Runs the program as a user does, and debates whose speakers the test has in hand.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { LLMock } from "@copilotkit/aimock";
import OpenAI from "openai";
import { afterAll, describe, expect, test } from "vitest";
import { parseCase, SAMPLE } from "./case.js";
import { createDebateFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, Llm, type Speech } from "./llm.js";
import { createShared, type Floor, type Side, Speak } from "./nodes.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "debate-"));
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

/** A case of three facts for each side, of which those of one side weigh more. */
const caseFor = (side: Side) => {
  const heavy = (at: number, word: string) => `- In year ${at} it made ${at} of ${at + 9} things ${word}.`;
  const light = (at: number, word: string) =>
    `- In the ${["first", "second", "third"][at]} place it was ${word}.`;
  const [good, bad] = side === "for" ? [heavy, light] : [light, heavy];
  return `Things should be so\n${[0, 1, 2].map((at) => `${good(at, "faster")}\n${bad(at, "worse")}`).join("\n")}\n`;
};

describe.concurrent("the program", () => {
  test.each<Side>(["for", "against"])("whose facts weigh more wins before time is up: %s", async (side) => {
    const path = join(scratch, `${side}.txt`);
    writeFileSync(path, caseFor(side));
    const { code, text } = await start([path, "--rounds", "3", "--margin", "2.5"]).ended;
    expect(code, text).toBe(0);
    expect(text).toContain("No OPENAI_API_KEY: using a local stand-in");
    expect(text).toContain(`Winner: ${side}, after 2 rounds.`);
    const facts = [...text.matchAll(/^ {2}(for|against) .*? (faster|worse)\..* \[(\d)\]$/gm)];
    expect(facts.map(([, who, word]) => [who, word])).toEqual([
      ["for", "faster"],
      ["against", "worse"],
      ["for", "faster"],
      ["against", "worse"],
    ]);
    expect(new Set(facts.map(([, , , number]) => number)).size).toBe(4);
  });

  test.each([
    [["--rounds", "0"], 'error: Expected --rounds to be a number over 0, got "0". Write --rounds 3.'],
    [["none.txt"], 'error: Expected a file with a case, got "none.txt": ENOENT'],
  ])("explains %j", async (args, message) => {
    const { code, text } = await start(args).ended;
    expect(text).toContain(message);
    expect(code).toBe(2);
  });

  test("stops at once on Ctrl-C while both sides think", async () => {
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

test("mistakes in the case and in the environment are the user's", async () => {
  expect(() => parseCase("- a fact\n- another", 1)).toThrow(
    /^Expected the motion in the first line, got "- a fact"/,
  );
  expect(() => parseCase(SAMPLE, 10)).toThrow(/^Expected at least 10 facts, one for each round, got 9/);
  const env = { OPENAI_API_KEY: "x", OPENAI_BASE_URL: "here" };
  await expect(connect(env)).rejects.toThrow(InputError);
});

describe("the flow", () => {
  const topic = parseCase(SAMPLE, 4);

  /** A speaker and judge whose words are given. */
  class Scripted extends Llm {
    readonly floors: Floor[] = [];

    constructor(
      readonly fact: (floor: Floor, call: number) => number | Promise<number>,
      readonly points: (round: number) => [number, number] = () => [5, 5],
    ) {
      super(new OpenAI({ apiKey: "none" }), "");
    }

    override async speak(floor: Floor): Promise<Speech> {
      this.floors.push(structuredClone(floor));
      return {
        fact: await this.fact(floor, this.floors.length),
        text: `${floor.side} ${floor.own.length + 1}`,
      };
    }

    override async judge(_topic: unknown, speeches: Readonly<Record<Side, readonly Speech[]>>) {
      const [pro, con] = this.points(speeches.for.length);
      return { for: pro, against: con, reason: "because" };
    }
  }
  const inTurn = ({ own }: Floor) => own.length + 1;

  test("nobody hears the other's speech of the same round, however much quicker that one is", async () => {
    const quick = new Scripted(inTurn);
    const slow = new Scripted(async (floor) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return inTurn(floor);
    });
    const shared = createShared(topic, { rounds: 3, margin: 1 });
    await createDebateFlow({ for: quick, against: slow, judge: quick }).run(shared);
    for (const { floors } of [quick, slow]) {
      expect(floors.map(({ own, other }) => [own.length, other.length])).toEqual([
        [0, 0],
        [1, 1],
        [2, 2],
      ]);
    }
    expect(shared.winner).toBe("nobody");

    const early = createShared(topic, { rounds: 3, margin: 1 });
    early.speeches.for.push({ fact: 1, text: "before the other side began" });
    expect(new Speak("against", slow).prep(early)).toMatchObject({ own: [], other: [] });
  });

  test("ends with the first clear lead, and otherwise when time is up", async () => {
    const played = async (points: (round: number) => [number, number]) => {
      const llm = new Scripted(inTurn, points);
      const shared = createShared(topic, { rounds: 4, margin: 3 });
      await createDebateFlow({ for: llm, against: llm, judge: llm }).run(shared);
      return [shared.winner, shared.scores.length];
    };
    expect(await played((round) => [5, 5 + round])).toEqual(["against", 3]);
    expect(await played(() => [7, 5])).toEqual(["for", 4]);
  });

  test("a fact that does not exist or was used before is no speech: the side tries again", async () => {
    const careless = new Scripted(({ own }, call) => [99, 1, 1, 0, 2][call - 1] ?? own.length + 1);
    const sound = new Scripted(inTurn);
    const shared = createShared(topic, { rounds: 2, margin: 1 });
    await createDebateFlow({ for: careless, against: sound, judge: sound }).run(shared);
    expect(shared.speeches.for.map(({ fact }) => fact)).toEqual([1, 2]);
    expect(careless.floors).toHaveLength(5);

    const stubborn = createDebateFlow({ for: new Scripted(() => 99), against: sound, judge: sound });
    const again = createShared(topic, { rounds: 2, margin: 1 });
    await expect(stubborn.run(again)).rejects.toThrow("Speech for: there is no fact 99, only 1 to 9.");
  });

  test("points out of range are asked for again", async () => {
    const answers = [{ for: 11, against: 0, reason: "!" }, "none", { for: 9, against: 1, reason: "facts" }];
    const mock = new LLMock({ host: "127.0.0.1", port: 0 });
    mock.on({ endpoint: "chat" }, () => ({ content: JSON.stringify(answers.shift()) }));
    await mock.start();
    try {
      const judge = new Llm(new OpenAI({ apiKey: "none", baseURL: `${mock.url}/v1`, maxRetries: 0 }), "m");
      const sound = new Scripted(inTurn);
      const shared = createShared(topic, { rounds: 4, margin: 3 });
      await createDebateFlow({ for: sound, against: sound, judge }).run(shared);
      expect(shared.scores).toEqual([{ for: 9, against: 1, reason: "facts" }]);
      expect(answers).toEqual([]);
    } finally {
      await mock.stop();
    }
  });
});
