// Runs the program as a user does, and the flow against a model whose answers the test has written.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import OpenAI from "openai";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { factsOf } from "./facts.js";
import { createRankingFlow } from "./flow.js";
import { Llm } from "./llm.js";
import type { Shared } from "./nodes.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "map-reduce-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** Skips waits: whenever nothing else is to be done, the clock goes on to the next timer. */
const skipWaits = () =>
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }).setTimerTickMode("nextTimerAsync");
afterEach(() => void vi.useRealTimers());

let folders = 0;
function folderOf(resumes: Record<string, string>): string {
  const folder = join(scratch, String(folders++));
  mkdirSync(folder);
  for (const [name, text] of Object.entries(resumes)) writeFileSync(join(folder, name), text);
  return folder;
}

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

const rowsOf = (text: string) =>
  [...text.matchAll(/^ +\d+\. +(\d+) {2}(.+?) {2,}(\d+) {2}(.*)$/gm)].map((row) => row.slice(1));

describe.concurrent("the program", () => {
  test("ranks the applicants that come with it", async () => {
    const { code, text } = await start().ended;
    expect(text).toMatch(/^No OPENAI_API_KEY: using a local stand-in at http:\/\/127\.0\.0\.1:\d+\/v1/);
    expect(rowsOf(text).map(([score, name]) => `${name}: ${score}`)).toEqual([
      "Marit Alder: 86",
      "Jonas Birk: 72",
      "Sofie Eriksen: 72",
      "Elena Costa: 58",
      "Peter Dunn: 0", // whatever his résumé asks for
    ]);
    expect(code).toBe(0);
  });

  test("ranks for a job of one's own, and leaves out what is no résumé", async () => {
    const job = fileWith("job.json", JSON.stringify({ title: "Cook", years: 10, skills: ["soup", "bread"] }));
    const resumes = {
      "a.txt": "Ada Ames\n\nFive years of soup.\n",
      "b.txt": "Ben Bo\n\nBakes bread. 1990-2020 in a kitchen, where soup was served.\n",
      "c.txt": "two loaves of bread and a tin of soup\n",
    };
    const { code, text } = await start([folderOf(resumes), "--job", job]).ended;
    expect(rowsOf(text)).toEqual([
      ["100", "Ben Bo", "30", "soup, bread"],
      ["50", "Ada Ames", "5", "soup"],
    ]);
    expect(text).toContain(
      "\nNot ranked: c.txt: name: Too small: expected string to have >=1 characters (3 attempts)\n",
    );
    expect(code).toBe(1);
  });

  test("Ctrl-C ends all calls in hand", async () => {
    const service = createServer().listen(0, "127.0.0.1"); // takes calls, and never answers
    let calls = 0;
    service.on("request", () => calls++);
    await once(service, "listening");
    const { port } = service.address() as AddressInfo;
    const env = { OPENAI_API_KEY: "key", OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1` };
    const { child, ended } = start([], env);
    await vi.waitFor(() => expect(calls).toBe(5), { timeout: 60_000 });
    const stoppedAt = performance.now();
    child.kill("SIGINT");
    expect((await ended).code).toBe(130);
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    service.close();
  });

  test("explains wrong input", async () => {
    const runs = [
      [["gone"], 'error: Expected a folder of résumés, got "gone": ENOENT'],
      [
        ["--job", fileWith("bad.json", '{ "title": "x", "years": 1, "skills": [] }')],
        'got "bad.json": skills: Too small: expected array to have >=1 items.',
      ],
    ] as const;
    for (const [args, message] of runs) {
      const { code, text } = await start([...args]).ended;
      expect(text).toContain(message);
      expect(code).toBe(2);
    }
  });
});

const job = { title: "Keeper", years: 4, skills: ["boats", "radio"] };

test("a skill counts only with words that are in the résumé", () => {
  const answer = (skill: string, quote: string) =>
    JSON.stringify({ name: "Ada", years: 2, skills: [{ skill, quote }] });
  const resume = "Ada\nKnows all\n  boats.";
  expect(factsOf(answer("boats", "knows all boats"), resume, job).skills).toHaveLength(1);
  expect(() => factsOf(answer("boats", "knows many boats"), resume, job)).toThrow(
    'skills.0: "knows many boats" is not in the résumé',
  );
  expect(() => factsOf(answer("ships", "boats"), resume, job)).toThrow('"ships" is none of the skills');
});

test("résumés are read side by side, each with attempts of its own, and one that fails is only left out", async () => {
  const names = Array.from({ length: 20 }, (_, at) => `n${String(at).padStart(2, "0")}`);
  const folder = folderOf(Object.fromEntries(names.map((name) => [`${name}.txt`, `${name} likes boats`])));
  const calls = new Map<string, number>();
  let [running, peak] = [0, 0];
  class Scripted extends Llm {
    override async findFacts(resume: string): Promise<string> {
      peak = Math.max(peak, ++running);
      await new Promise((resolve) => setTimeout(resolve, 10));
      running--;
      const name = resume.slice(0, 3);
      const call = (calls.get(name) ?? 0) + 1;
      calls.set(name, call);
      if (name === "n03") throw new Error("503");
      if (name === "n07" && call < 3) return "no JSON";
      const skills = name === "n11" ? [] : [{ skill: "boats", quote: "likes boats" }];
      return JSON.stringify({ name, years: 0, skills });
    }
  }
  skipWaits();
  const shared: Shared = { folder, job };
  await createRankingFlow({ llm: new Scripted(new OpenAI({ apiKey: "none" }), "m") }).run(shared);
  expect(peak).toBe(8);
  expect(shared.failures).toEqual([{ file: "n03.txt", reason: "503 (3 attempts)" }]);
  expect(Object.fromEntries([...calls].filter(([, count]) => count > 1))).toEqual({ n03: 3, n07: 3 });
  const others = names.filter((name) => name !== "n03" && name !== "n11");
  expect(shared.ranking?.map(({ name }) => name)).toEqual([...others, "n11"]);
  expect(shared.ranking?.[0]).toMatchObject({ file: "n00.txt", score: 35, skills: ["boats"] });
});
