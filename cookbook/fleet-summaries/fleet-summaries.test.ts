import { Executor, type ExecutorCall } from "sluice";
import { expect, test } from "vitest";
import { UsageError } from "../lib/main.js";
import { FinalError, type Model } from "../lib/model.js";
import { createFleetFlow, readDocuments, type Shared } from "./fleet-summaries.js";

/** A model that answers by the last word of a document. */
const modelOf = (answer: (word: string) => string): Model => {
  const chat: Model["chat"] = async (prompt) => answer(String(prompt).split(/\s+/).at(-1) ?? "");
  return { chat, calls: { attempts: 1 } } as Partial<Model> as Model;
};
const storeOf = (...words: string[]): Shared => ({
  documents: words.map((text) => ({ file: `${text}.md`, text })),
  summaries: {},
  errors: {},
});

/** Stands for other machines: what reaches it is what would travel. */
class Elsewhere extends Executor {
  readonly inputs: unknown[] = [];
  override execute(call: ExecutorCall) {
    this.inputs.push(JSON.parse(JSON.stringify(call.input)));
    return call.local();
  }
}

test("each document is summarised elsewhere, and its summary comes back to the store", async () => {
  const [shared, executor] = [storeOf("one", "two"), new Elsewhere()];
  await createFleetFlow(
    modelOf((word) => word.toUpperCase()),
    { executor },
  ).run(shared);
  expect(shared.summaries).toEqual({ "one.md": "ONE", "two.md": "TWO" });
  expect(executor.inputs).toEqual(shared.documents);
});

test("a document that fails leaves its error, and costs no other", async () => {
  const shared = storeOf("one", "two");
  const model = modelOf((word) => {
    if (word === "one") throw new FinalError("The model refuses: no");
    return word;
  });
  await createFleetFlow(model).run(shared);
  expect(shared.summaries).toEqual({ "two.md": "two" });
  expect(shared.errors).toEqual({ "one.md": "Error: The model refuses: no" });
});

test("globs that match nothing are reported before any work", async () => {
  await expect(readDocuments(["nothing/*.none"], 5)).rejects.toThrow(UsageError);
});
