// cookbook/lib/model.ts: what recipes call, against a vendor that misbehaves.
import OpenAI from "openai";
import { Flow, Gate, node } from "sluice";
import { type FakeVendor, type FakeVendorOptions, fakeVendor } from "sluice/testing";
import { afterEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { UsageError } from "../../cookbook/lib/main.js";
import {
  AnswerError,
  type Call,
  connect,
  createModel,
  DeniedError,
  FinalError,
} from "../../cookbook/lib/model.js";

let vendor: FakeVendor | undefined;
afterEach(async () => {
  await vendor?.close();
  vi.restoreAllMocks();
});

async function modelOf(options: FakeVendorOptions = {}, schemaByTool = false) {
  vendor = await fakeVendor({ answer: () => "A whole answer.", ...options });
  const client = new OpenAI({ apiKey: "none", baseURL: vendor.url, maxRetries: 0 });
  return createModel(client, new Gate({ concurrency: 8 }), "m", "e", schemaByTool);
}
const charged: number[] = [];
const ctx = (lastError?: unknown, signal = new AbortController().signal): Call => {
  charged.length = 0;
  return { signal, lastError, charge: (tokens) => void charged.push(tokens) };
};
async function collect(pieces: AsyncIterable<string>) {
  let text = "";
  for await (const piece of pieces) text += piece;
  return text;
}
const bodyOf = (at: number) => vendor?.calls[at]?.request.body as Record<string, unknown>;

describe("an answer that is not whole is an error of its own, and never an answer", () => {
  const faults = [
    ["refusal", FinalError, "The model refuses: I'm sorry"],
    ["content-filter", FinalError, "A content filter stopped the answer"],
    ["length", FinalError, "The answer is cut off"],
    ["no-usage", FinalError, "did not say how many tokens"],
    ["no-choices", AnswerError, "no whole answer"],
    ["null-content", AnswerError, "The answer is empty"],
  ] as const;
  test.each(faults)("%s", async (fault, type, message) => {
    const model = await modelOf({ faults: fault });
    const schema = z.object({ text: z.string() });
    const calls = [
      () => model.chat("Hi", ctx()),
      () => model.json("reply", schema, "Hi", ctx()),
      () => collect(model.stream("Hi", ctx())),
    ];
    for (const call of calls) {
      const error = await call().catch((reason) => reason);
      expect(error).toBeInstanceOf(type);
      expect(error.message).toContain(message);
    }
  });

  test("a page of a proxy", async () => {
    const model = await modelOf({ faults: "html" });
    await expect(model.chat("Hi", ctx())).rejects.toThrow("no whole answer");
  });

  test.each([
    ["no-choices", "no whole answer"],
    ["no-usage", "how many tokens"],
  ] as const)("embeddings, with %s", async (fault, message) => {
    const model = await modelOf({ faults: fault });
    await expect(model.embed(["a", "b"], ctx())).rejects.toThrow(message);
  });
});

test("what was used is charged, also for an answer that is not used", async () => {
  const model = await modelOf({ faults: [undefined, "length", undefined, undefined] });
  const call = ctx();
  expect(await model.chat("Hi", call)).toBe("A whole answer.");
  await model.chat("Hi", call).catch(() => {});
  expect(await collect(model.stream("Hi", call))).toBe("A whole answer.");
  await model.embed(["a"], call);
  expect(charged).toHaveLength(4);
  expect(charged.every((tokens) => tokens > 0)).toBe(true);
});

test("odd chunks change nothing", async () => {
  const model = await modelOf({ faults: "odd-chunks", answer: () => "Čas běží → dál." });
  expect(await collect(model.stream("Hi", ctx()))).toBe("Čas běží → dál.");
  expect(await model.chat("Hi", ctx())).toBe("Čas běží → dál.");
});

test("a schema is sent as JSON Schema, and the next attempt's prompt has the errors of an invalid answer", async () => {
  const model = await modelOf({
    answer: ({ messages }) => ({ json: { n: messages.length > 1 ? 7 : "seven" } }),
  });
  const Reply = z.object({ n: z.int() });
  const error = await model.json("count", Reply, "How many?", ctx()).catch((reason) => reason);
  expect(error).toBeInstanceOf(AnswerError);
  expect(error.message).toContain("expected number, received string");
  expect(bodyOf(0).response_format).toMatchObject({
    type: "json_schema",
    json_schema: {
      name: "count",
      strict: true,
      schema: { properties: { n: { type: "integer" } }, additionalProperties: false },
    },
  });
  expect(await model.json("count", Reply, "How many?", ctx(error))).toEqual({ n: 7 });
  expect(vendor?.calls[1]?.request.text).toBe(`Your last answer cannot be used: ${error.message}`);
});

test("network errors are not part of the prompt", async () => {
  const model = await modelOf();
  await model.chat("Hi", ctx(new Error("500")));
  expect(bodyOf(0).messages).toEqual([{ role: "user", content: "Hi" }]);
});

test("where a service ignores formats, the schema is that of a tool", async () => {
  const answer = () => ({ toolCalls: [{ name: "count", arguments: { n: 7 } }] });
  const model = await modelOf({ answer }, true);
  expect(await model.json("count", z.object({ n: z.int() }), "How many?", ctx())).toEqual({ n: 7 });
  expect(bodyOf(0)).toMatchObject({ tool_choice: { type: "function", function: { name: "count" } } });
  expect(bodyOf(0).response_format).toBeUndefined();
});

test("several tools are called at once; arguments that are no JSON are an error", async () => {
  const calls = [{ name: "add", arguments: { a: 1 } }, { name: "now" }];
  const model = await modelOf({
    answer: ({ index }) => ({ toolCalls: index === 0 ? calls : [{ name: "add", arguments: "{" }] }),
  });
  const tools = [{ name: "add", description: "Adds.", parameters: { type: "object" } }];
  const turn = await model.act("Go", tools, ctx());
  expect(turn.calls.map(({ name, args }) => [name, args])).toEqual([
    ["add", { a: 1 }],
    ["now", {}],
  ]);
  expect(turn.message).toMatchObject({ role: "assistant", tool_calls: [{ id: turn.calls[0]?.id }, {}] });
  await expect(model.act("Go", tools, ctx())).rejects.toThrow("Expected JSON, got {");
});

test("an aborted stream throws the reason of the abort", async () => {
  const model = await modelOf({ pace: 5, answer: () => "word ".repeat(50) });
  const stop = new AbortController();
  const read = async () => {
    for await (const _ of model.stream("Hi", ctx(undefined, stop.signal))) stop.abort(new Error("enough"));
  };
  await expect(read()).rejects.toThrow();
  expect(stop.signal.aborted).toBe(true);
});

describe("access", () => {
  test.each([401, 403, 404])(
    "%d is asked once, whatever the number of callers, and says what to check",
    async (status) => {
      const model = await modelOf({ faults: status });
      const errors = await Promise.all(
        Array.from({ length: 20 }, () => model.chat("Hi", ctx()).catch((error) => error)),
      );
      for (const error of errors) expect(error).toBeInstanceOf(DeniedError);
      expect(errors[0].message).toMatch(new RegExp(`^${status} .*Check `));
      expect(vendor?.stats().requests).toBe(1);
    },
  );

  test("once one call was answered, all others go at the same time", async () => {
    const model = await modelOf({ delay: 1_000 });
    await Promise.all(Array.from({ length: 8 }, () => model.chat("Hi", ctx())));
    expect(vendor?.stats().peak).toBe(7);
  });

  test("a first call that fails otherwise lets the next one try", async () => {
    const model = await modelOf({ faults: [500] });
    const [first, second] = await Promise.allSettled([model.chat("a", ctx()), model.chat("b", ctx())]);
    expect([first.status, second.status]).toEqual(["rejected", "fulfilled"]);
  });
});

describe("in a node", () => {
  const flowOf = (model: ReturnType<typeof createModel>) =>
    new Flow(
      node({
        ...model.calls,
        backoff: 0,
        exec: (_, call) => model.chat("Hi", call),
        post: (shared: { text?: string }, _prep, text) => void (shared.text = text),
      }),
    );

  test("a refusal is not repeated, an empty answer is, and a 429 is waited out by the gate", async () => {
    const refused = await modelOf({ faults: "refusal" });
    await expect(flowOf(refused).run({})).rejects.toBeInstanceOf(FinalError);
    expect(vendor?.stats().requests).toBe(1);
    await vendor?.close();
    const empty = await modelOf({ faults: "null-content" });
    await expect(flowOf(empty).run({})).rejects.toThrow("The answer is empty");
    expect(vendor?.stats().requests).toBe(3);
    await vendor?.close();
    const busy = await modelOf({
      faults: [
        { status: 429, retryAfter: 5 },
        { status: 429, retryAfter: 5 },
      ],
    });
    const shared: { text?: string } = {};
    await flowOf(busy).run(shared);
    expect(shared.text).toBe("A whole answer.");
  });
});

describe("connect", () => {
  test("an invalid URL fails before any call", async () => {
    const error = await connect("hello-flow", { OPENAI_API_KEY: "x", OPENAI_BASE_URL: "nowhere" }).catch(
      (reason) => reason,
    );
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toBe(
      'Expected OPENAI_BASE_URL to be like https://api.openai.com/v1, got "nowhere".',
    );
  });

  test("the environment names the service, the model and the limits", async () => {
    const said = vi.spyOn(console, "error").mockImplementation(() => {});
    vendor = await fakeVendor({ answer: () => "Hi." });
    const env = {
      OPENAI_API_KEY: "x",
      OPENAI_BASE_URL: vendor.url,
      OPENAI_MODEL: "mine",
      MODEL_RPM: "60000",
    };
    const model = await connect("hello-flow", env);
    expect(await model.chat("Hi", ctx())).toBe("Hi.");
    expect(bodyOf(0).model).toBe("mine");
    expect(said).toHaveBeenCalledWith(`Using mine at ${vendor.url}.`);
    await connect("hello-flow", { ANTHROPIC_API_KEY: "x" });
    expect(said).toHaveBeenLastCalledWith("Using claude-haiku-4-5 at https://api.anthropic.com/v1.");
  });

  test("without a key the recipe's stand-in answers", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const model = await connect("hello-flow", {});
    expect(await model.chat("What is 6 times 7?", ctx())).toBe("It is 42.");
  });
});
