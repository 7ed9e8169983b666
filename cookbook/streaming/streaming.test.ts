import { expect, test } from "vitest";
import { FinalError, type Model } from "../lib/model.js";
import { createTalkFlow, type Shared } from "./streaming.js";

function talk(questions: string[], stream: Model["stream"], enough = new AbortController()) {
  const shared: Shared = { messages: [] };
  const shown: string[] = [];
  const person = {
    question: async () => questions.shift(),
    enough: () => enough.signal,
    show: (text: string) => void shown.push(text),
  };
  const ended = createTalkFlow({ stream } as Partial<Model> as Model, person).run(shared);
  return { shared, shown, ended };
}

test("pieces are shown as they come, and the whole answer is kept", async () => {
  const { shared, shown, ended } = talk(["Hi"], async function* () {
    yield "Good ";
    yield "morning.";
  });
  await ended;
  expect(shown).toEqual(["Good ", "morning.", "\n"]);
  expect(shared.messages.at(-1)).toEqual({ role: "assistant", content: "Good morning." });
});

test("an answer that is stopped is kept as far as it was read", async () => {
  const enough = new AbortController();
  const talked = talk(
    ["Hi"],
    async function* (_messages, { signal }) {
      yield "One";
      enough.abort();
      signal.throwIfAborted();
      yield "two";
    },
    enough,
  );
  await talked.ended;
  expect(talked.shared.messages.slice(1)).toEqual([
    { role: "assistant", content: "One" },
    { role: "system", content: "The person stopped the answer here." },
  ]);
});

test("an answer that a filter cut off is not kept, and said to be none", async () => {
  const { shared, shown, ended } = talk(["Hi"], async function* () {
    yield "Half an";
    throw new FinalError("A content filter stopped the answer.");
  });
  await expect(ended).rejects.toThrow("A content filter");
  expect(shared.messages).toHaveLength(1);
  expect(shown.at(-1)).toContain("not kept: A content filter");
});
