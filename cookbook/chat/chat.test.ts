import { expect, test } from "vitest";
import { DeniedError, FinalError, type Model } from "../lib/model.js";
import { createChatFlow, type Shared } from "./chat.js";

async function talk(lines: (string | undefined)[], chat: Model["chat"]) {
  const written: string[] = [];
  const shared: Shared = { messages: [] };
  const terminal = { read: async () => lines.shift(), write: (text: string) => written.push(text) };
  await createChatFlow({ chat } as Partial<Model> as Model, terminal).run(shared, { maxSteps: 20 });
  return { written, said: shared.messages.map(({ content }) => content) };
}

test("each answer gets the whole conversation, and empty lines are passed over", async () => {
  const { written } = await talk(
    ["Hi", "", "again", "exit"],
    async (messages) => `answer ${messages.length - 1}`,
  );
  expect(written).toEqual(["answer 1", "answer 3"]);
});

test("a refusal is shown, and is no part of the conversation", async () => {
  const { written, said } = await talk(["one", "two"], async (messages) => {
    if (messages.length === 2 && JSON.stringify(messages).includes("one"))
      throw new FinalError("The model refuses: no");
    return "fine";
  });
  expect(written).toEqual(["(No answer: The model refuses: no)", "fine"]);
  expect(said).toEqual(["two", "fine"]);
});

test("a wrong key ends it", async () => {
  const denied = new DeniedError("401");
  await expect(talk(["one"], () => Promise.reject(denied))).rejects.toBe(denied);
});
