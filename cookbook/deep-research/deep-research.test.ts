import { Gate } from "sluice";
import { expect, test } from "vitest";
import type { Model } from "../lib/model.js";
import { createResearchFlow, createShared, type Finding, type Limits } from "./deep-research.js";

const corpus = (question: string) =>
  question === "nowhere" ? [] : [{ source: `about ${question}`, text: "text" }];

/** Runs with a model that asks on and on: a question leads to the same with another letter. */
async function research(limits: Partial<Limits> = {}, next?: (question: string) => string[], gate?: Gate) {
  const asked: string[] = [];
  const prompts: string[] = [];
  let running = 0;
  let most = 0;
  const model = {
    calls: { attempts: 2, gate },
    json: async (_name: string, _schema: unknown, prompt: string) => {
      const { question } = JSON.parse(prompt.split("\n\n")[1] ?? "");
      asked.push(question);
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
      if (question.endsWith("x")) throw new Error("no idea");
      const sources = question.endsWith("z") ? [7] : question.endsWith("y") ? [] : [1];
      const questions = next?.(question) ?? ["a", "b", "c", "d"].map((letter) => question + letter);
      return { text: `found ${question}`, sources, questions };
    },
    chat: async (prompt: string) => {
      prompts.push(prompt);
      if (next !== undefined && prompts.length === 1) return "All is well [99].";
      const { findings } = JSON.parse(prompt.split("\n\n")[1] ?? "");
      return (findings as Finding[]).map(({ place, sources }) => `${place} [${sources}]`).join("\n");
    },
  } as unknown as Model;
  const shared = createShared("q", { depth: 3, breadth: 2, most: 100, ...limits });
  const error = await createResearchFlow(model, corpus)
    .run(shared)
    .then(() => undefined)
    .catch((reason: Error) => reason.message);
  return { ...shared, error, most, prompts, questions: asked.sort() };
}

test("it goes as deep and as wide as it may", async () => {
  expect((await research()).questions).toEqual(["q", "qa", "qaa", "qab", "qb", "qba", "qbb"]);
  expect((await research({ depth: 1 })).questions).toEqual(["q"]);
  expect((await research({ depth: 50, breadth: 4, most: 23 })).questions).toHaveLength(23);
});

test("one gate holds for all levels together", async () => {
  const { questions, most } = await research(
    { depth: 4, breadth: 4 },
    undefined,
    new Gate({ concurrency: 3 }),
  );
  expect(questions).toHaveLength(1 + 4 + 16 + 64);
  expect(most).toBe(3);
});

test("nothing is asked twice, and a circle of questions ends", async () => {
  expect((await research({ depth: 9, breadth: 3 }, () => ["Q", "r", "s"])).questions).toEqual([
    "q",
    "r",
    "s",
  ]);
});

test("the report is in the order of the tree, with its sources", async () => {
  const [text = "", sources = ""] = ((await research({ depth: 2 })).report ?? "").split("\n\nSources\n");
  expect(text.split("\n")).toEqual(["1 [1]", "1.1 [2]", "1.2 [3]"]);
  expect(sources.split("\n")).toEqual(["[1] about q", "[2] about qa", "[3] about qb"]);
});

test("a branch that fails, cites what does not exist, or finds nothing is a gap; the rest goes on", async () => {
  const next = (question: string) => (question === "q" ? ["qx", "qz", "qy", "nowhere", "qa"] : []);
  const { gaps, questions, report } = await research({ breadth: 5 }, next);
  expect(gaps.sort((a, b) => a.place.localeCompare(b.place))).toEqual([
    { place: "1.1", question: "qx", error: "no idea" },
    { place: "1.2", question: "qz", error: "There is no passage 7: the last one is 1" },
    { place: "1.3", question: "qy" },
    { place: "1.4", question: "nowhere" },
  ]);
  expect(questions.filter((question) => question === "qx")).toHaveLength(2);
  expect(report).toContain("1.5 [2]");
});

test("a report that cites what does not exist is written again", async () => {
  const { prompts, report } = await research({}, () => []);
  expect(prompts).toHaveLength(2);
  expect(report).toBe("1 [1]\n\nSources\n[1] about q");
});
