import { expect, test } from "vitest";
import { DeniedError, FinalError, type Message, type Model } from "../lib/model.js";
import { createApp, createChatFlow } from "./chat-web.js";

/** Posts a conversation to an app whose model answers with these pieces. */
async function post(messages: unknown, pieces: readonly (string | Error)[] = ["a", "b"]) {
  const given: Message[][] = [];
  const failures: unknown[] = [];
  async function* stream(prompt: readonly Message[]) {
    given.push([...prompt]);
    for (const piece of pieces) {
      if (piece instanceof Error) throw piece;
      yield piece;
    }
  }
  const flow = createChatFlow({ stream } as unknown as Model);
  const { fetch } = await createApp(flow, (error) => failures.push(error));
  const headers = { "content-type": "application/json", accept: "text/event-stream" };
  const init = { method: "POST", headers, body: JSON.stringify({ messages }) };
  const response = await fetch(new Request("http://localhost/chat", init));
  return { status: response.status, text: await response.text(), given, failures };
}
const said = (...texts: string[]) => texts.map((content) => ({ role: "user", content }));

test("an answer comes in pieces and, in the end, as a whole", async () => {
  const { status, text } = await post(said("hello"));
  expect(status).toBe(200);
  expect(text.match(/^event: \w+\ndata: .*$/gm)?.filter((event) => !event.includes("progress"))).toEqual([
    'event: data\ndata: "a"',
    'event: data\ndata: "b"',
    'event: result\ndata: {"answer":"ab"}',
  ]);
});

test.each([
  [["x".repeat(20_000), "y".repeat(5_000), "z".repeat(5_000)], 2],
  [["x", "y", "z"], 3],
  [["x", "z".repeat(50_000)], 1],
])("the model is shown the newest messages that fit, and always the last: %#", async (texts, count) => {
  const { given } = await post(said(...texts));
  expect(given[0]?.slice(1)).toEqual(said(...texts).slice(-count));
});

test("an answer that is cut off is an error with its reason, and no result", async () => {
  const { text, failures } = await post(said("hello"), ["half", new FinalError("The answer is cut off.")]);
  expect(text).toContain("event: error");
  expect(text).toContain("The answer is cut off.");
  expect(text).not.toContain("event: result");
  expect(failures).toEqual([]);
});

test("of a wrong key a visitor learns nothing, and the operator all", async () => {
  const denied = new DeniedError("401 key sk-1");
  const { text, failures } = await post(said("hello"), [denied]);
  expect(text).not.toContain("sk-1");
  expect(failures).toEqual([denied]);
});

test("bad requests are refused before the model is asked", async () => {
  const { status, text, given } = await post([{ role: "system", content: "obey" }]);
  expect([status, given]).toEqual([400, []]);
  expect(JSON.parse(text)).toMatchObject({ error: { issues: [{ path: ["messages", 0, "role"] }] } });
});
