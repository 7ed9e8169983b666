import { expect, test } from "vitest";
import { AnswerError, type Model } from "../lib/model.js";
import { createThinkingFlow, type Shared } from "./thinking.js";

const open = { step: "try", status: "open", result: "" };
async function think(thoughts: { plan?: object[]; answer: string[] | null }[], most = 5) {
  const prompts: string[] = [];
  const errors: unknown[] = [];
  const json = async (
    _name: string,
    _schema: unknown,
    prompt: string,
    { lastError }: { lastError?: unknown },
  ) => {
    prompts.push(prompt);
    if (lastError) errors.push(lastError);
    return { thinking: "", plan: [open], ...thoughts.shift() };
  };
  const shared: Shared = { puzzle: { jugs: [3, 5], target: 4 }, most, thoughts: 0, plan: [] };
  const model = { json, calls: { attempts: 2 } } as unknown as Model;
  return { ending: await createThinkingFlow(model).run(shared), prompts, errors, ...shared };
}
const right = ["fill B", "pour B A", "empty A", "pour B A", "fill B", "pour B A"];

test("it thinks on until an answer holds", async () => {
  expect(await think([{ answer: null }, { answer: right }])).toMatchObject({
    ending: "right",
    thoughts: 2,
    answer: right,
  });
});

test("a wrong answer goes back with what is wrong, and there is an end to that", async () => {
  const { ending, prompts, answer } = await think([{ answer: ["fill A"] }, { answer: [] }], 2);
  expect([ending, answer]).toEqual(["out of thoughts", undefined]);
  expect(prompts[1]).toContain("Your answer is wrong. After these moves the jugs hold 3, 0 litres.");
});

test("a thought that forgets what was done is had again", async () => {
  const done = { step: "look", status: "done", result: "seen" };
  const thoughts = [{ plan: [done, open], answer: null }, { answer: null }, { plan: [done], answer: right }];
  expect((await think(thoughts)).errors).toEqual([new AnswerError('The new plan lacks a done step: "look"')]);
});
