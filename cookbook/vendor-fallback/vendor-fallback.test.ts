import { Gate, isFailure } from "sluice";
import { expect, test } from "vitest";
import { FinalError, type Model } from "../lib/model.js";
import { createFallbackFlow, type Shared, tally } from "./vendor-fallback.js";

async function ask(first: Model["chat"], second: Model["chat"]) {
  const calls = () => ({ gate: new Gate({ concurrency: 4 }), backoff: 0 }) as unknown as Model["calls"];
  const named = (name: string, chat: Model["chat"]) => ({
    name,
    model: { chat, calls: calls() } as Partial<Model> as Model,
  });
  const shared: Shared = { questions: ["one", "two"] };
  await createFallbackFlow(named("first", first), named("second", second)).run(shared);
  return shared;
}
const answers = async (question: unknown) => `about ${question}`;
const failsTwo = (error: Error) => async (question: unknown) => {
  if (question === "two") throw error;
  return answers(question);
};

test("what the first vendor fails, the second answers", async () => {
  const shared = await ask(failsTwo(new Error("500")), answers);
  expect(shared.answers).toEqual([
    { text: "about one", by: "first" },
    { text: "about two", by: "second" },
  ]);
  expect(tally(shared)).toBe("first 1, second 1");
});

test("a refusal is not taken to another vendor, a filter is", async () => {
  const refused = await ask(failsTwo(new FinalError("The model refuses: no")), answers);
  expect(refused.answers?.map(isFailure)).toEqual([false, true]);
  const filtered = await ask(failsTwo(new FinalError("A content filter stopped the answer.")), answers);
  expect(filtered.answers?.[1]).toEqual({ text: "about two", by: "second" });
});

test("where both fail, the failure is that of the second", async () => {
  const { answers: got } = await ask(failsTwo(new Error("500")), failsTwo(new Error("503")));
  expect(isFailure(got?.[1]) && (got[1].error as Error).message).toBe("503");
});
