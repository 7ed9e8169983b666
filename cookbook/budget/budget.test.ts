import { emitter, Gate } from "sluice";
import { openJournal } from "sluice/journal";
import { expect, test } from "vitest";
import { DeniedError, type Model } from "../lib/model.js";
import { createBudgetFlow, runIdOf, type Shared } from "./budget.js";

/** Runs with a model whose calls take 100 tokens of input and 20 of output, at 1 and 10 millionths of a dollar. */
async function ask(questions: string[], tokens: number, journal = openJournal(":memory:"), fail?: Error) {
  const gate = new Gate({ concurrency: 2 });
  const asked: string[] = [];
  const chat: Model["chat"] = async (prompt, { charge }) => {
    const question = String(prompt).split("\n\n")[1] ?? "";
    asked.push(question);
    if (fail && question === "q1") throw fail;
    charge(120, 20);
    return question.toUpperCase();
  };
  const model = { chat, calls: { gate, attempts: 1 } } as unknown as Model;
  const shared: Shared = { questions, answers: {} };
  const events = emitter();
  let spent = 0;
  events.on("usage", (event) => (spent = event.tokens));
  const options = { events, journal: await journal, runId: runIdOf(questions), budget: { tokens } };
  const error = await createBudgetFlow(model, { input: 1, output: 10 })
    .run(shared, options)
    .then(
      () => undefined,
      (reason) => reason,
    );
  return { asked, spent, error, answers: shared.answers, counted: gate.stats().spent.tokens };
}
const questions = Array.from({ length: 20 }, (_, at) => `q${at}`);

test("tokens of input and of output have prices of their own, and the gate counts tokens", async () => {
  const { spent, counted, answers, error } = await ask(["q0", "q2"], 10_000);
  expect(error).toBeUndefined();
  expect([spent, counted]).toEqual([2 * (100 + 20 * 10), 2 * 120]);
  expect(answers).toEqual({ q0: { text: "Q0" }, q2: { text: "Q2" } });
});

test("the budget is not exceeded, what is paid for is kept, and a larger one goes on from there", async () => {
  const journal = openJournal(":memory:");
  const first = await ask(questions, 4_000, journal);
  expect(first.error).toMatchObject({ code: "BUDGET_SPENT" });
  expect(first.spent).toBeLessThanOrEqual(4_000);
  const kept = Object.keys(first.answers);
  expect(kept.length).toBe(first.asked.length);
  expect(kept.length).toBeLessThan(20);
  const second = await ask(questions, 100_000, journal);
  expect(second.error).toBeUndefined();
  expect([...first.asked, ...second.asked].sort()).toEqual([...questions].sort());
  expect(second.spent).toBe(20 * 300);
  await (await journal).close();
});

test("a question that fails has its error, and a wrong key ends the run", async () => {
  const { answers } = await ask(["q0", "q1"], 10_000, undefined, new Error("500"));
  expect(answers).toEqual({ q0: { text: "Q0" }, q1: { error: "500" } });
  const denied = new DeniedError("401");
  expect((await ask(["q0", "q1"], 10_000, undefined, denied)).error).toBe(denied);
});
