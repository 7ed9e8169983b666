// The fake vendor, through the real SDK over real HTTP.
import { once } from "node:events";
import { connect } from "node:net";
import OpenAI from "openai";
import { Gate, retryAfter } from "sluice";
import {
  type Dialect,
  type FakeVendor,
  type FakeVendorOptions,
  type Fault,
  fakeVendor,
  type VendorRequest,
} from "sluice/testing";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { isQuotaExhausted } from "../../../../src/gate/refusal.js";
import * as deferred from "../../../support/deferred.js";

const rejection = async (work: Promise<unknown>) =>
  (await deferred.rejection(work)) as InstanceType<typeof OpenAI.APIError>;

const open: FakeVendor[] = [];
afterEach(async () => {
  for (const vendor of open.splice(0)) await vendor.close();
});

async function start(options: FakeVendorOptions = {}) {
  const vendor = await fakeVendor(options);
  open.push(vendor);
  return { vendor, client: new OpenAI({ apiKey: "none", baseURL: vendor.url, maxRetries: 0 }) };
}

const chat = (text: string, more: Partial<OpenAI.ChatCompletionCreateParamsNonStreaming> = {}) => ({
  model: "model-x",
  messages: [{ role: "user" as const, content: text }],
  ...more,
});
const ask = async (client: OpenAI, text = "hello", more = {}) =>
  client.chat.completions.create(chat(text, more));
const stream = async (client: OpenAI, text = "hello", more = {}) =>
  client.chat.completions.create({
    ...chat(text),
    stream: true,
    stream_options: { include_usage: true },
    ...more,
  });

/** All that a stream says, put together as a program does. */
async function gather(chunks: AsyncIterable<OpenAI.ChatCompletionChunk>) {
  const all = { content: "", refusal: "", calls: [] as string[], finish: "", usage: 0, chunks: 0 };
  for await (const { choices, usage } of chunks) {
    all.chunks++;
    all.usage += usage?.total_tokens ?? 0;
    const [choice] = choices;
    all.content += choice?.delta.content ?? "";
    all.refusal += choice?.delta.refusal ?? "";
    all.finish += choice?.finish_reason ?? "";
    for (const { index, function: call } of choice?.delta.tool_calls ?? [])
      all.calls[index] = (all.calls[index] ?? "") + (call?.name ?? "") + (call?.arguments ?? "");
  }
  return all;
}

const tool = (name: string, properties = {}) => ({
  type: "function" as const,
  function: { name, parameters: { type: "object", properties } },
});
const schemaOf = (name: string, schema: z.ZodType) => ({
  type: "json_schema" as const,
  json_schema: { name, strict: true, schema: z.toJSONSchema(schema) },
});

describe("it answers", () => {
  test("a chat with the text of the user, and its usage", async () => {
    const { vendor, client } = await start();
    const { choices, usage, model } = await ask(client, "open the gate");
    expect(choices).toMatchObject([
      { message: { role: "assistant", content: "open the gate", refusal: null }, finish_reason: "stop" },
    ]);
    expect(choices[0]?.message.tool_calls).toBeUndefined();
    expect([model, usage]).toEqual(["model-x", { prompt_tokens: 4, completion_tokens: 4, total_tokens: 8 }]);
    expect(vendor.stats()).toEqual({
      requests: 1,
      accepted: 1,
      refused: 0,
      failed: 0,
      tokens: 8,
      running: 0,
      peak: 1,
    });
  });

  test("a stream piece by piece, with its usage where that is asked for", async () => {
    const { client } = await start();
    const text = "  Gates öffnen — 🌊  for 水, twice.\n";
    const { content, finish, usage, chunks } = await gather(await stream(client, text));
    expect([content, finish]).toEqual([text, "stop"]);
    expect(usage).toBe(2 * Math.ceil(text.length / 4));
    expect(chunks).toBeGreaterThan(6);
    expect((await gather(await stream(client, text, { stream_options: undefined }))).usage).toBe(0);
  });

  test("a JSON schema with a value that fits, or with what the test says", async () => {
    const invoice = z.object({
      number: z.string().min(3).max(5),
      kind: z.enum(["debit", "credit"]),
      day: z.iso.date(),
      lines: z.array(z.object({ amount: z.number().min(2), count: z.int().positive() })).min(2),
      note: z.string().nullable(),
      paid: z.boolean(),
      way: z.union([z.object({ by: z.literal("post") }), z.object({ by: z.literal("mail") })]),
    });
    const { client } = await start();
    const { choices } = await ask(client, "ab", { response_format: schemaOf("invoice", invoice) });
    expect(invoice.parse(JSON.parse(choices[0]?.message.content ?? ""))).toMatchObject({
      number: "ab.",
      kind: "debit",
    });
    const tree = z.object({
      name: z.string(),
      get children() {
        return z.array(tree);
      },
    });
    const nested = await ask(client, "x", { response_format: schemaOf("tree", tree) });
    tree.parse(JSON.parse(nested.choices[0]?.message.content ?? ""));
    const { client: other } = await start({
      answer: ({ schema, text }) => ({ json: schema === "verdict" ? { isGood: true, text } : null }),
    });
    const verdict = await ask(other, "x", {
      response_format: schemaOf("verdict", z.object({ isGood: z.boolean() })),
    });
    expect(JSON.parse(verdict.choices[0]?.message.content ?? "")).toEqual({ isGood: true, text: "x" });
    const any = await ask(client, "x", { response_format: { type: "json_object" } });
    expect(JSON.parse(any.choices[0]?.message.content ?? "")).toEqual({ text: "x" });
  });

  test("tools with a call of the first, and their results with the last of these", async () => {
    const { client } = await start();
    const tools = [tool("search", { query: { type: "string" } }), tool("read")];
    const first = await ask(client, "gates", { tools });
    const [call] = first.choices[0]?.message.tool_calls ?? [];
    expect(first.choices[0]?.finish_reason).toBe("tool_calls");
    expect(call).toMatchObject({ function: { name: "search", arguments: '{"query":"gates"}' } });
    const messages = [
      ...chat("gates").messages,
      first.choices[0]?.message,
      { role: "tool", tool_call_id: call?.id, content: "three gates" },
    ];
    const second = await ask(client, "", { tools, messages });
    expect(second.choices[0]).toMatchObject({ message: { content: "three gates" }, finish_reason: "stop" });
    const chosen = await ask(client, "x", {
      tools,
      tool_choice: { type: "function", function: { name: "read" } },
    });
    expect(chosen.choices[0]?.message.tool_calls).toMatchObject([
      { function: { name: "read", arguments: "{}" } },
    ]);
    expect((await ask(client, "x", { tools, tool_choice: "none" })).choices[0]?.message.content).toBe("x");
  });

  test("with several tool calls at once, as JSON and as a stream", async () => {
    const { client } = await start({
      answer: ({ tools }) => ({ toolCalls: tools.map((name, at) => ({ name, arguments: { at } })) }),
    });
    const tools = [tool("search"), tool("read")];
    const { choices } = await ask(client, "x", { tools });
    const calls = choices[0]?.message.tool_calls ?? [];
    expect(calls.map((call) => call.type === "function" && call.function)).toEqual([
      { name: "search", arguments: '{"at":0}' },
      { name: "read", arguments: '{"at":1}' },
    ]);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
    expect(await gather(await stream(client, "x", { tools }))).toMatchObject({
      calls: ['search{"at":0}', 'read{"at":1}'],
      finish: "tool_calls",
    });
  });

  test("embeddings, near for texts that share words, in both encodings", async () => {
    const { vendor, client } = await start();
    const input = ["open the gate", "the gate opens; open it", "bake bread at night"];
    const embed = async (options: Partial<OpenAI.EmbeddingCreateParams>) =>
      (await client.embeddings.create({ model: "e", input, ...options })).data.map(
        ({ embedding }) => embedding,
      );
    const [a = [], b = [], c = []] = await embed({ encoding_format: "float" });
    const near = (x: number[], y: number[]) => x.reduce((sum, value, at) => sum + value * (y[at] ?? 0), 0);
    expect(a).toHaveLength(256);
    expect(near(a, a)).toBeCloseTo(1);
    expect(near(a, b)).toBeGreaterThan(near(a, c) + 0.3);
    const [packed = []] = await embed({}); // the SDK asks for base64
    expect(near(a, packed)).toBeCloseTo(1);
    expect((await embed({ encoding_format: "float", dimensions: 8 }))[2]).toHaveLength(8);
    expect(vendor.calls[0]?.request).toMatchObject({
      endpoint: "embeddings",
      text: input.join("\n"),
      messages: [],
    });
  });

  test("as the test says, by all that a request has", async () => {
    const requests: VendorRequest[] = [];
    const { vendor, client } = await start({
      answer: (request) => {
        requests.push(request);
        return request.index === 0
          ? { refusal: "no" }
          : { content: "cut", finishReason: "length", usage: { prompt_tokens: 7, completion_tokens: 5 } };
      },
    });
    const parts = [
      { type: "text", text: "one" },
      { type: "image_url", image_url: { url: "data:," } },
      { type: "text", text: "two" },
    ];
    const messages = [
      { role: "system", content: "short" },
      { role: "user", content: parts },
    ];
    expect((await ask(client, "", { messages })).choices[0]?.message).toMatchObject({
      content: null,
      refusal: "no",
    });
    const second = await gather(await stream(client));
    expect(second).toMatchObject({ content: "cut", finish: "length", usage: 12 });
    expect(requests).toMatchObject([
      {
        index: 0,
        messages: [
          { role: "system", text: "short" },
          { role: "user", text: "one\ntwo" },
        ],
        text: "one\ntwo",
        stream: false,
      },
      { index: 1, text: "hello", schema: undefined, tools: [], stream: true },
    ]);
    expect(vendor.calls.map(({ request, status, fault }) => [request, status, fault])).toEqual(
      requests.map((request) => [request, 200, undefined]),
    );
  });
});

describe("what is wrong with a request or an answer is said", () => {
  test.each<[string, (client: OpenAI) => Promise<unknown>, object]>([
    ["no messages", (client) => ask(client, "", { messages: [] }), { status: 400, param: "messages" }],
    ["no model", (client) => ask(client, "", { model: undefined }), { status: 400, param: "model" }],
    [
      "no input",
      (client) => client.embeddings.create({ model: "e", input: [] }),
      { status: 400, param: "input" },
    ],
    [
      "another endpoint",
      (client) => client.models.list(),
      { status: 404, message: expect.stringContaining("GET /v1/models") },
    ],
  ])("%s", async (_, send, error) => {
    const { vendor, client } = await start();
    expect(await rejection(send(client))).toMatchObject(error);
    expect(vendor.stats()).toMatchObject({ requests: 1, failed: 1, accepted: 0 });
  });

  test("a body that is no JSON", async () => {
    const { vendor } = await start();
    const response = await fetch(`${vendor.url}/chat/completions`, { method: "POST", body: "{" });
    expect([response.status, ((await response.json()) as { error: Error }).error.message]).toEqual([
      400,
      "The body of the request is not a JSON object.",
    ]);
  });

  test("an answer() that throws, or gives what is no answer", async () => {
    const { vendor, client } = await start({
      answer: ({ index }) => {
        if (index === 0) throw new Error("no rule for this");
        return { isGood: true } as never;
      },
    });
    expect(await rejection(ask(client))).toMatchObject({
      status: 500,
      message: expect.stringContaining("no rule for this"),
    });
    expect(await rejection(ask(client))).toMatchObject({
      message: expect.stringContaining("put what is to be sent as JSON into `json`"),
    });
    expect(vendor.stats()).toMatchObject({ requests: 2, running: 0 });
  });

  test.each<[object, string]>([
    [{ requests: 5 }, "`per` is required: the milliseconds in which `requests` or `tokens` are allowed"],
    [{ requests: 0, per: 1 }, "expected `requests` to be a finite number above 0, got 0 (number)"],
    [
      { window: "rolling" },
      'expected `window` to be "bucket" or "fixed" or "sliding", got "rolling" (string)',
    ],
    [{ faults: [500, "unheard-of"] }, "expected `faults` to be a fault, a list of faults, or a function"],
    [{ faults: 200 }, "a fault is a status from 400 to 599"],
    [{ faults: { status: 429, after: 2 } }, "expected `faults`"],
    [{ faultz: 500 }, "did you mean `faults`?"],
    [{ port: -1 }, "expected `port` to be a port from 0 to 65535, got -1 (number)"],
  ])("the options %j", async (options, message) => {
    expect((await rejection(fakeVendor(options as FakeVendorOptions))).message).toContain(message);
  });

  test("faults() that gives what is no fault", async () => {
    const { client } = await start({ faults: () => "unheard-of" as never });
    expect(await rejection(ask(client))).toMatchObject({
      status: 500,
      message: expect.stringContaining("Expected faults() to give"),
    });
  });
});

describe("limits", () => {
  test.each(["bucket", "fixed", "sliding"] as const)("of requests, counted as %s", async (window) => {
    const { vendor, client } = await start({ requests: 3, per: 60_000, burst: 60_000, window });
    const answers = await Promise.allSettled([1, 2, 3, 4, 5].map(() => ask(client)));
    expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
    const [refused] = answers.filter((answer) => answer.status === "rejected");
    expect(refused?.reason).toMatchObject({ status: 429, code: "rate_limit_exceeded", type: "requests" });
    const wait = retryAfter(refused?.reason) ?? 0;
    expect(wait).toBeGreaterThan(window === "bucket" ? 10_000 : 50_000);
    expect(wait).toBeLessThanOrEqual(window === "bucket" ? 20_000 : 60_000);
    expect(vendor.stats()).toMatchObject({ requests: 5, accepted: 3, refused: 2 });
  });

  test("of tokens, settled by what an answer used", async () => {
    const { client } = await start({ tokens: 100, per: 60_000, window: "fixed" });
    await ask(client, "x".repeat(40), { max_completion_tokens: 80 }); // asks for 90, and uses 20
    await ask(client, "x".repeat(40), { max_completion_tokens: 70 }); // asks for 80, and uses 20
    const error = await rejection(ask(client, "x".repeat(40), { max_tokens: 60 }));
    expect(error).toMatchObject({ status: 429, type: "tokens" });
    await ask(client, "x".repeat(40), { max_tokens: 50 });
  });

  test("of requests at once", async () => {
    const held = deferred.deferred<void>();
    const { vendor, client } = await start({ concurrency: 2, answer: () => held.promise.then(() => "done") });
    const answers = [1, 2, 3].map(() => ask(client));
    expect(await rejection(Promise.race(answers))).toMatchObject({ status: 429 });
    expect(vendor.stats()).toMatchObject({ running: 2, peak: 2 });
    held.resolve();
    const ended = await Promise.allSettled(answers);
    expect(ended.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
    await ask(client);
    expect(vendor.stats()).toMatchObject({ accepted: 3, refused: 1, running: 0, peak: 2 });
  });

  test("a gate waits refusals out", async () => {
    const { vendor, client } = await start({
      faults: [{ status: 429, retryAfter: 10 }, undefined, { status: 429, retryAfter: 10 }],
    });
    const gate = new Gate({ concurrency: 1 });
    const texts = ["a", "b", "c"];
    const call = (text: string) =>
      gate.run(({ signal }) => client.chat.completions.create(chat(text), { signal }));
    const said = await Promise.all(texts.map(call));
    expect(said.map(({ choices }) => choices[0]?.message.content)).toEqual(texts);
    expect(vendor.stats()).toMatchObject({ requests: 5, accepted: 3, refused: 2 });
  });
});

describe("429 in each dialect is understood by a gate", () => {
  const waits: Record<Dialect, [least: number, most: number]> = {
    openai: [2_500, 2_500],
    azure: [3_000, 3_000],
    anthropic: [3_000, 3_000],
    google: [2_500, 2_500],
    date: [1_000, 4_000],
    reset: [2_500, 2_500],
    epoch: [2_000, 4_000], // against the date of the answer, which has whole seconds
    text: [3_000, 3_000],
    silent: [1_000, 1_000],
  };
  test.each(Object.entries(waits))("%s", async (dialect, [least, most]) => {
    const { client } = await start({
      faults: { status: 429, dialect: dialect as Dialect, retryAfter: 2_500 },
    });
    const error = await rejection(ask(client));
    expect(error).toMatchObject({ status: 429 });
    expect(retryAfter(error)).toBeGreaterThanOrEqual(least);
    expect(retryAfter(error)).toBeLessThanOrEqual(most);
    expect(isQuotaExhausted(error)).toBe(false);
  });

  test("the vendor's own is that of its limits and of its errors", async () => {
    const { client } = await start({ requests: 1, per: 60_000, dialect: "anthropic", faults: [500] });
    expect(await rejection(ask(client))).toMatchObject({ status: 500, error: { type: "api_error" } });
    await ask(client);
    const error = await rejection(ask(client));
    expect(error.headers?.get("anthropic-ratelimit-requests-reset")).toMatch(/^\d{4}-/);
    expect(error.headers?.get("x-ratelimit-reset-requests")).toBeNull();
  });
});

describe("faults", () => {
  test.each<[Fault, object]>([
    [401, { status: 401, code: "invalid_api_key" }],
    [403, { status: 403 }],
    [404, { status: 404, code: "model_not_found" }],
    [429, { status: 429, code: "rate_limit_exceeded" }],
    [500, { status: 500, type: "server_error" }],
    [503, { status: 503 }],
    [529, { status: 529, type: "overloaded_error" }],
    ["quota", { status: 429, code: "insufficient_quota" }],
    [
      { status: 418, body: { error: { code: "teapot" } } },
      { status: 418, code: "teapot" },
    ],
    [
      { status: 502, body: "<html>", headers: { "content-type": "text/html" } },
      { status: 502, message: "502 <html>" },
    ],
  ])("%j is an error, in a chat, a stream and embeddings", async (fault, expected) => {
    const { vendor, client } = await start({ faults: fault });
    for (const send of [ask, stream, () => client.embeddings.create({ model: "e", input: "x" })])
      expect(await rejection(send(client))).toMatchObject(expected);
    const isRefusal = fault === 429 || fault === "quota";
    expect(vendor.stats()).toMatchObject({
      requests: 3,
      accepted: 0,
      refused: isRefusal ? 3 : 0,
      failed: isRefusal ? 0 : 3,
    });
  });

  test("a wait that another status names", async () => {
    const { client } = await start({ faults: { status: 503, retryAfter: 1_500 } });
    expect(retryAfter(await rejection(ask(client)))).toBe(2_000);
  });

  test("quota is distinguished from a refusal", async () => {
    const { client } = await start({ faults: "quota" });
    expect(isQuotaExhausted(await rejection(ask(client)))).toBe(true);
  });

  const text = "one two three four";
  test.each<[Fault, object]>([
    ["refusal", { content: "", refusal: "I'm sorry, I can't help with that.", finish: "stop" }],
    ["content-filter", { content: "one two t", finish: "content_filter" }],
    ["length", { content: "one two t", finish: "length" }],
    ["no-choices", { content: "", finish: "" }],
    ["null-content", { content: "", refusal: "", finish: "stop" }],
    ["no-usage", { content: text, finish: "stop", usage: 0 }],
    ["odd-chunks", { content: text, finish: "stop", usage: 10 }],
    ["two-tool-calls", { content: text, calls: [], finish: "stop" }],
  ])("%s, as JSON and as a stream", async (fault, expected) => {
    const { vendor, client } = await start({ faults: fault });
    const { choices, usage } = await ask(client, text);
    const message = choices[0]?.message;
    const gathered = {
      content: message?.content ?? "",
      refusal: message?.refusal ?? "",
      calls: message?.tool_calls ?? [],
      finish: choices[0]?.finish_reason ?? "",
      usage: usage?.total_tokens ?? 0,
    };
    expect(gathered).toMatchObject(expected);
    expect(await gather(await stream(client, text))).toMatchObject(expected);
    expect(vendor.stats()).toMatchObject({ accepted: 2, tokens: 20 });
  });

  test("length cuts the arguments of a tool call", async () => {
    const { client } = await start({ faults: "length" });
    const tools = [tool("search", { query: { type: "string" } })];
    expect((await gather(await stream(client, "gates", { tools }))).calls).toEqual(['search{"query":']);
  });

  test("two tool calls where the answer has one or none", async () => {
    const { client } = await start({
      faults: "two-tool-calls",
      answer: ({ index }) => (index < 2 ? { toolCalls: [{ name: "read" }] } : "x"),
    });
    const tools = [tool("search"), tool("read")];
    const { choices } = await ask(client, "x", { tools });
    expect(new Set(choices[0]?.message.tool_calls?.map(({ id }) => id)).size).toBe(2);
    expect((await gather(await stream(client, "x", { tools }))).calls).toEqual(["read{}", "read{}"]);
    expect((await gather(await stream(client, "x", { tools }))).calls).toEqual(["search{}", "search{}"]);
  });

  test("odd chunks cut characters and lines in two", async () => {
    const text = "🌊 Gates öffnen — für 水, ".repeat(20);
    const { client, vendor } = await start({ faults: "odd-chunks" });
    expect((await gather(await stream(client, text))).content).toBe(text);
    expect((await ask(client, text)).choices[0]?.message.content).toBe(text);
    const { port } = new URL(vendor.url);
    const socket = connect(Number(port), "127.0.0.1");
    const body = JSON.stringify(chat(text));
    socket.end(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    let received = "";
    for await (const bytes of socket) received += bytes;
    expect(received).toContain("\r\n1\r\n{\r\n2\r\n");
  });

  test("no choices of embeddings is an empty list", async () => {
    const { client } = await start({ faults: "no-choices" });
    expect((await client.embeddings.create({ model: "e", input: "x" })).data).toEqual([]);
  });

  test("a page of a proxy", async () => {
    const { client, vendor } = await start({ faults: "html" });
    expect(await ask(client)).toContain("<h1>Sign in to the network</h1>");
    expect(vendor.stats()).toMatchObject({ accepted: 1, failed: 0 });
  });

  test("hang and stall last until the client goes, which the vendor sees", async () => {
    const { client, vendor } = await start({ faults: ["hang", "stall"] });
    for (const send of [ask, stream]) {
      const leaving = new AbortController();
      const sent = client.chat.completions.create(
        { ...chat("a b c d"), stream: send === stream },
        { signal: leaving.signal },
      );
      let got = 0;
      const ended = (async () => {
        for await (const _chunk of (await sent) as AsyncIterable<unknown>) if (++got === 3) leaving.abort();
      })();
      if (send === ask) {
        while (vendor.stats().running === 0) await new Promise(setImmediate);
        leaving.abort();
      }
      await ended.catch(() => {});
      while (vendor.stats().running > 0) await new Promise(setImmediate);
      expect(vendor.calls.at(-1)?.request.signal.aborted).toBe(true);
      expect(got).toBeGreaterThanOrEqual(send === ask ? 0 : 3);
    }
  });

  test("a connection that breaks in the middle", async () => {
    const { client, vendor } = await start({ faults: "disconnect" });
    await expect(ask(client)).rejects.toThrow();
    let got = 0;
    const ended = (async () => {
      for await (const _chunk of await stream(client, "a b c d e f")) got++;
    })();
    await expect(ended).rejects.toThrow();
    expect(got).toBe(5);
    expect(vendor.stats()).toMatchObject({ accepted: 2, running: 0 });
  });

  test("come in the order of a list, then none, or as a function says", async () => {
    const { client, vendor } = await start({ faults: [401, undefined, "length"] });
    expect(await rejection(ask(client))).toMatchObject({ status: 401 });
    const ends = [await ask(client), await ask(client), await ask(client)];
    expect(ends.map(({ choices }) => choices[0]?.finish_reason)).toEqual(["stop", "length", "stop"]);
    expect(vendor.calls.map(({ status, fault }) => [status, fault])).toEqual([
      [401, 401],
      [200, undefined],
      [200, "length"],
      [200, undefined],
    ]);
    const { client: other } = await start({ faults: ({ text }) => (text === "bad" ? 500 : undefined) });
    await ask(other, "good");
    expect(await rejection(ask(other, "bad"))).toMatchObject({ status: 500 });
  });

  test("of an error take nothing of the limits", async () => {
    const { client } = await start({ requests: 1, per: 60_000, faults: [500, 401] });
    expect(await rejection(ask(client))).toMatchObject({ status: 500 });
    expect(await rejection(ask(client))).toMatchObject({ status: 401 });
    await ask(client);
  });
});

test("an answer may take its time, and a stream has a pace", async () => {
  const { client, vendor } = await start({ delay: ({ index }) => index * 10, pace: 2 });
  const before = performance.now();
  await ask(client);
  await ask(client);
  await gather(await stream(client, "a b c d e"));
  expect(performance.now() - before).toBeGreaterThan(10 + 20 + 7 * 2 - 5);
  expect(vendor.calls.every(({ at }) => at >= before)).toBe(true);
});

test("close ends what hangs and frees the port; it may be called twice", async () => {
  const { client, vendor } = await start({ faults: "hang" });
  const hanging = rejection(ask(client));
  while (vendor.stats().running === 0) await new Promise(setImmediate);
  await vendor.close();
  await vendor.close();
  expect((await hanging).message).toMatch(/connection/i);
  const { port } = new URL(vendor.url);
  const again = await fakeVendor({ port: Number(port) });
  open.push(again);
  expect(again.url).toBe(vendor.url);
  const taken = await rejection(fakeVendor({ port: Number(port) }));
  expect(taken).toMatchObject({ code: "EADDRINUSE" });
});

test("clients that go while they send are counted as requests alone", async () => {
  const { vendor } = await start();
  const socket = connect(Number(new URL(vendor.url).port), "127.0.0.1");
  socket.write("POST /v1/embeddings HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{");
  while (vendor.stats().requests === 0) await new Promise(setImmediate);
  socket.destroy();
  await once(socket, "close");
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  expect(vendor.stats()).toMatchObject({ requests: 1, accepted: 0, refused: 0, failed: 0 });
});

test("only the last 1,000 calls are kept", async () => {
  const { vendor } = await start({ answer: () => "" });
  const body = JSON.stringify(chat("x"));
  const socket = connect(Number(new URL(vendor.url).port), "127.0.0.1");
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n`;
  socket.write(`${head}${body}`.repeat(1_005));
  socket.resume();
  while (vendor.stats().accepted < 1_005) await new Promise(setImmediate);
  socket.destroy();
  expect(vendor.calls.map(({ request }) => request.index)).toEqual(
    Array.from({ length: 1_000 }, (_, at) => at + 5),
  );
});
