import { expect, test } from "vitest";
import type { Model } from "../lib/model.js";
import { createCommissionFlow, type Shared } from "./judge.js";

/** Runs with a writer that counts, and a judge that gives these marks. */
async function commission(marks: number[], tries = 5) {
  const prompts: string[] = [];
  const writer: Partial<Model> = { chat: async (prompt) => `draft ${prompts.push(String(prompt))}` };
  const judge = {
    json: async () => {
      const mark = marks.shift() ?? 0;
      return { facts: mark, plain: mark, brief: mark, advice: [`better than ${mark}`] };
    },
  } as unknown as Model;
  const shared: Shared = { facts: ["It is small."], good: 9, tries, drafts: [] };
  const ending = await createCommissionFlow(writer as Model, judge).run(shared);
  return { ending, prompts, ...shared };
}

test("the advice goes back to the writer until the text is good enough", async () => {
  const { ending, best, prompts } = await commission([5, 9]);
  expect([ending, best?.text]).toEqual(["good enough", "draft 2"]);
  expect(prompts[1]).toContain("better than 5");
});

test("the best draft is kept and revised, not the last", async () => {
  const { ending, best, prompts } = await commission([7, 4, 6], 3);
  expect([ending, best?.text]).toEqual(["out of tries", "draft 1"]);
  expect(prompts[2]).toContain("draft 1");
});
