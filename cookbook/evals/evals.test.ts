import { expect, test } from "vitest";
import { DeniedError, type Model } from "../lib/model.js";
import { createEvalFlow, type Shared } from "./evals.js";

const cases = ["lock", "mill"].map((input) => ({
  name: input,
  input,
  criteria: ["It is loud.", "It is short."],
}));

/** Answers with the input, loud where the prompt says so; the judge looks for that. `fail` is the answer that fails. */
async function evaluate(fail?: { input: string; error: Error }, verdictsOf?: (calls: number) => boolean[]) {
  const errors: unknown[] = [];
  let calls = 0;
  const chat = async ([system, user]: { content: string }[]) => {
    if (user?.content === fail?.input) throw fail?.error;
    return system?.content === "loud" ? user?.content.toUpperCase() : user?.content;
  };
  const json = async (
    _name: string,
    _schema: unknown,
    prompt: string,
    { lastError }: { lastError?: unknown },
  ) => {
    if (lastError) errors.push((lastError as Error).message);
    const { answer } = JSON.parse(prompt.split("\n\n")[1] ?? "");
    const met = verdictsOf?.(calls++) ?? [answer === answer.toUpperCase(), true];
    return { verdicts: met.map((each) => ({ met: each, reason: `<b>${answer}</b>` })) };
  };
  const model = { chat, json, calls: { attempts: 2 } } as unknown as Model;
  const shared: Shared = { prompts: { a: "soft", b: "loud" }, cases, results: [] };
  await createEvalFlow(model, model).run(shared);
  return { ...shared, errors };
}

test("each prompt has a score, and the page has each answer and verdict, escaped", async () => {
  const { scores, results, report } = await evaluate();
  expect(scores).toEqual({ a: 0.5, b: 1 });
  expect(results).toHaveLength(4);
  expect(report).toContain("b: 100 %");
  expect(report).toContain("✗ It is loud. <small>&lt;b&gt;lock&lt;/b&gt;</small>");
  expect(report).not.toContain("<b>lock");
});

test("a trial that fails counts as none met, and the page says so; a wrong key ends the run", async () => {
  const { scores, results, report } = await evaluate({ input: "mill", error: new Error("500") });
  expect(scores).toEqual({ a: 0.25, b: 0.5 });
  expect(results.filter(({ error }) => error === "500")).toHaveLength(2);
  expect(report).toContain("failed: 500");
  const denied = new DeniedError("401");
  await expect(evaluate({ input: "mill", error: denied })).rejects.toBe(denied);
});

test("too few verdicts are invalid, and the next attempt gets the reason", async () => {
  const { scores, errors } = await evaluate(undefined, (calls) => (calls === 0 ? [true] : [true, false]));
  expect(scores).toEqual({ a: 0.5, b: 0.5 });
  expect(errors).toEqual(["Expected 2 verdicts, got 1"]);
});
