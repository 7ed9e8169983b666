// The fake vendor in Anthropic's protocol, through the real SDK over real HTTP.
import Anthropic from "@anthropic-ai/sdk";
import { Gate, retryAfter } from "sluice";
import { type FakeVendor, type FakeVendorOptions, fakeVendor } from "sluice/testing";
import { afterEach, expect, test } from "vitest";
import { isQuotaExhausted } from "../../../../src/gate/refusal.js";
import * as deferred from "../../../support/deferred.js";

const rejection = async (work: Promise<unknown>) =>
  (await deferred.rejection(work)) as InstanceType<typeof Anthropic.APIError>;

const open: FakeVendor[] = [];
afterEach(async () => {
  for (const vendor of open.splice(0)) await vendor.close();
});

async function start(options: FakeVendorOptions = {}) {
  const vendor = await fakeVendor(options);
  open.push(vendor);
  const baseURL = new URL(vendor.url).origin;
  return { vendor, client: new Anthropic({ apiKey: "none", baseURL, maxRetries: 0 }) };
}

const body = (content: Anthropic.MessageParam["content"] = "hello there") => ({
  model: "model-x",
  max_tokens: 100,
  messages: [{ role: "user" as const, content }],
});
const weather: Anthropic.Tool = {
  name: "weather",
  input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

test("a message with the text of the user, and its usage", async () => {
  const { vendor, client } = await start();
  const message = await client.messages.create({ ...body(), system: "Be brief." });
  expect(message.content).toMatchObject([{ type: "text", text: "hello there" }]);
  expect(message.stop_reason).toBe("end_turn");
  expect(message.usage).toEqual({ input_tokens: 6, output_tokens: 3 });
  expect(vendor.calls[0]?.request).toMatchObject({ endpoint: "messages", text: "hello there", tools: [] });
  expect(vendor.calls[0]?.request.messages[0]).toEqual({ role: "system", text: "Be brief." });
  expect(vendor.stats()).toMatchObject({ requests: 1, accepted: 1, tokens: 9 });
});

test("a stream that the SDK puts together as the same message", async () => {
  const { client } = await start({
    answer: () => ({
      content: "one two three",
      toolCalls: [{ name: "weather", arguments: { city: "Rome" }, id: "a" }],
    }),
  });
  const whole = await client.messages.create(body());
  const streamed = await client.messages.stream(body()).finalMessage();
  expect({ ...streamed, id: "" }).toMatchObject({ ...whole, id: "" });
  expect(streamed.content[1]).toMatchObject({ type: "tool_use", name: "weather", input: { city: "Rome" } });
  expect(streamed.stop_reason).toBe("tool_use");
});

test("a call of the first tool, and then the result of it", async () => {
  const { client } = await start();
  const call = await client.messages.create({ ...body("Rome"), tools: [weather] });
  const [use] = call.content;
  expect(use).toMatchObject({ type: "tool_use", name: "weather", input: { city: expect.any(String) } });
  if (use?.type !== "tool_use") throw new Error("no call of a tool");
  const answer = await client.messages.create({
    ...body(),
    tools: [weather],
    messages: [
      ...body("Rome").messages,
      { role: "assistant", content: [use] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: use.id, content: "21 degrees" }] },
    ],
  });
  expect(answer.content).toMatchObject([{ type: "text", text: "21 degrees" }]);
  const none = await client.messages.create({ ...body(), tools: [weather], tool_choice: { type: "none" } });
  expect(none.content).toMatchObject([{ type: "text", text: "hello there" }]);
});

test("faults, each by its stop reason", async () => {
  const { client } = await start({
    faults: ["length", "refusal", "content-filter", "null-content", "no-usage"],
  });
  const replies = [];
  for (let at = 0; at < 5; at++) replies.push(await client.messages.create(body()));
  expect(replies.map(({ stop_reason }) => stop_reason)).toEqual([
    "max_tokens",
    "refusal",
    "refusal",
    "end_turn",
    "end_turn",
  ]);
  expect(replies.map(({ content }) => content.length)).toEqual([1, 0, 1, 0, 1]);
  expect(replies[0]?.content).toMatchObject([{ text: "hello " }]);
  expect(replies[4]?.usage).toBeUndefined();
});

test("errors are Anthropic's, and a gate understands them", async () => {
  const faults = [401, { status: 429, retryAfter: 1_500 }, 529, "quota"] as const;
  const { client } = await start({ faults });
  const errors = [];
  for (const _ of faults) errors.push(await rejection(client.messages.create(body())));
  expect(errors.map(({ status }) => status)).toEqual([401, 429, 529, 400]);
  expect(errors.map(({ type }) => type)).toEqual([
    "authentication_error",
    "rate_limit_error",
    "overloaded_error",
    "invalid_request_error",
  ]);
  expect(errors.map((error) => retryAfter(error))).toEqual([undefined, 2_000, undefined, undefined]);
  expect(errors.map(isQuotaExhausted)).toEqual([false, false, false, true]);
});

test("a request that lacks something gets status 400", async () => {
  const { client } = await start();
  const { max_tokens: _, ...rest } = body();
  const error = await rejection(client.messages.create(rest as never));
  expect([error.status, error.type]).toEqual([400, "invalid_request_error"]);
  expect(error.message).toContain("max_tokens: Field required");
});

test("what `answer` throws is an error of Anthropic's too", async () => {
  const { client } = await start({
    answer: () => {
      throw new Error("not today");
    },
  });
  const error = await rejection(client.messages.create(body()));
  expect([error.status, error.type]).toEqual([500, "api_error"]);
  expect(error.message).toContain("not today");
});

test("a gate waits a refusal out", async () => {
  const { vendor, client } = await start({
    faults: [{ status: 429, retryAfter: 20, headers: { "retry-after-ms": "20" } }],
  });
  const gate = new Gate({ concurrency: 1 });
  const reply = await gate.run(() => client.messages.create(body()));
  expect(reply.stop_reason).toBe("end_turn");
  expect(vendor.stats()).toMatchObject({ requests: 2, refused: 1 });
});
