import { expect, test } from "vitest";
import type { Model } from "../lib/model.js";
import { createHelloFlow, type Shared } from "./hello-flow.js";

const standIn = (functions: Partial<Model>) => functions as Model;

test("the answer to the question is in the store", async () => {
  const shared: Shared = { question: "What is 6 times 7?" };
  const model = standIn({ chat: async (question) => `${question} 42.` });
  await createHelloFlow(model).run(shared);
  expect(shared.answer).toBe("What is 6 times 7? 42.");
});

test("a call that fails is repeated with the same question", async () => {
  const asked: unknown[] = [];
  const chat: Model["chat"] = async (question) => {
    if (asked.push(question) === 1) throw new Error("503");
    return "42";
  };
  const shared: Shared = { question: "?" };
  await createHelloFlow(standIn({ chat, calls: { attempts: 2 } as Model["calls"] })).run(shared);
  expect(asked).toEqual(["?", "?"]);
  expect(shared.answer).toBe("42");
});
