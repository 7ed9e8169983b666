import { expect, test } from "vitest";
import type { Model } from "../lib/model.js";
import { createAgenticRagFlow, type Shared } from "./agentic-rag.js";

/** Runs with answers by schema; the last one of each is repeated. */
async function ask(answers: Record<string, object[]>, tries?: number) {
  const errors: string[] = [];
  const json = async (
    name: string,
    _schema: unknown,
    _prompt: string,
    { lastError }: { lastError?: Error },
  ) => {
    if (lastError) errors.push(lastError.message);
    const list = answers[name] ?? [];
    return list.length > 1 ? list.shift() : list[0];
  };
  const model = { json, calls: { attempts: 2 } } as unknown as Model;
  const search = (query: string) => [
    { source: query, text: `about ${query}` },
    { source: "all", text: "" },
  ];
  const shared: Shared = { question: "spell", queries: ["spell"], passages: [] };
  const ended = createAgenticRagFlow(model, search, tries).run(shared, { maxSteps: 30 });
  return {
    shared,
    errors,
    error: await ended.then(
      () => undefined,
      ({ message }: Error) => message,
    ),
  };
}
const no = { sufficient: false, missing: "typos" };
const yes = { sufficient: true, missing: "" };

test("it asks in other words until enough is known, and answers with sources", async () => {
  const { shared } = await ask({
    verdict: [no, yes],
    query: [{ query: "fuzzy" }],
    answer: [{ answer: "minisearch", sources: ["fuzzy"] }],
  });
  expect(shared.queries).toEqual(["spell", "fuzzy"]);
  expect(shared.passages.map(({ source }) => source)).toEqual(["spell", "all", "fuzzy"]);
  expect([shared.answer, shared.sources]).toEqual(["minisearch", ["fuzzy"]]);
});

test("after so many queries it says that it does not know", async () => {
  const { shared } = await ask({ verdict: [no], query: [{ query: "a" }, { query: "b" }] }, 3);
  expect(shared.answer).toBe("I do not know: 3 queries found nothing on typos.");
  expect(shared.sources).toBeUndefined();
});

test("a repeated query and an invented source are invalid, and the next attempt gets the reason", async () => {
  const { errors, error } = await ask({
    verdict: [no, yes],
    query: [{ query: "spell" }, { query: "fuzzy" }],
    answer: [
      { answer: "x", sources: ["made up"] },
      { answer: "x", sources: [] },
    ],
  });
  expect(errors).toEqual([
    'Expected another query, got "spell" again',
    "Expected sources of the passages, got made up",
  ]);
  expect(error).toBe("Expected sources of the passages, got none");
});
