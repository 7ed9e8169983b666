import { expect, test } from "vitest";
import type { Model } from "../lib/model.js";
import { createSupervisorFlow, type Shared } from "./supervisor.js";

/** Runs with the answers to each schema, in order; the last one is repeated. */
async function run(answers: Record<string, object[]>) {
  const json = async (name: string) =>
    answers[name]?.length === 1 ? answers[name][0] : answers[name]?.shift();
  const shared: Shared = {
    letter: "Where is order 17?",
    records: { orders: "Order 17 was sent on 3 May.", hours: "9 to 17." },
    read: [],
    objections: [],
    rejected: 0,
  };
  const ending = await createSupervisorFlow({ json } as unknown as Model, 2).run(shared, { maxSteps: 50 });
  return { ending, ...shared };
}
const lookUp = { action: "look up", record: "orders" };
const write = { action: "write", record: "" };

test("the worker looks up what it needs, and an approved draft ends it", async () => {
  const done = await run({
    plan: [lookUp, write],
    reply: [{ reply: "It was sent on 3 May." }],
    verdict: [{ objections: [] }],
  });
  expect(done).toMatchObject({
    ending: "approved",
    read: ["orders"],
    draft: "It was sent on 3 May.",
    rejected: 0,
  });
});

test("a number that no record has is found by code, before a model is paid to read", async () => {
  const answers = {
    plan: [write],
    reply: [{ reply: "In 99 days." }, { reply: "On 3 May." }],
    verdict: [{ objections: [] }],
  };
  expect(await run(answers)).toMatchObject({ ending: "approved", rejected: 1, draft: "On 3 May." });
});

test("after so many drafts a person is called", async () => {
  const answers = { plan: [write], reply: [{ reply: "Soon." }], verdict: [{ objections: ["Say when."] }] };
  expect(await run(answers)).toMatchObject({
    ending: "call a person",
    rejected: 2,
    objections: ["Say when."],
  });
});
