// What an answer holds: what `output` chose, as plain data, or an error that says why not.
import { AsyncParallelBatchNode, Flow, node } from "sluice";
import { createHandler, remote } from "sluice/serve";
import { describe, expect, test, vi } from "vitest";
import { toJson } from "../../../src/wings/serve/json.js";
import { eventsOf, post, postForEvents } from "../../support/requests.js";

interface Shared {
  n: number;
  secret?: string;
  value?: unknown;
}
const put = (value: unknown) =>
  new Flow(node({ post: (shared: { n: number; value?: unknown }) => void (shared.value = value) }));

describe("without `output`", () => {
  test("the store is answered if it has no key that the request did not send", async () => {
    const twice = new Flow(node({ post: (shared: Shared) => void (shared.n *= 2) }));
    const response = await createHandler(twice)(post({ n: 2 }));
    expect([response.status, await response.json()]).toEqual([200, { n: 4 }]);
  });

  test.each([
    ["a node wrote", put("hidden"), undefined, '("value")'],
    [
      "`toShared` put there",
      new Flow(node({})),
      (input: object) => ({ ...input, secret: "hidden" }),
      '"secret"',
    ],
    [
      "`toShared` put there, although the request names it",
      new Flow(node({})),
      () => ({ n: "hidden" }),
      '"n"',
    ],
  ])("a key that %s is a 500 that names it to `onError` alone", async (_, flow, toShared, named) => {
    const onError = vi.fn();
    const options = { onError, ...(toShared && { toShared }) } as never;
    for (const accept of ["application/json", "text/event-stream"]) {
      const text = await (await createHandler(flow as Flow, options)(post({ n: 1 }, { accept }))).text();
      expect(text).toContain('"status":500');
      expect(text).not.toContain("hidden");
      expect(text).not.toContain("secret");
    }
    await vi.waitFor(() => expect(onError).toHaveBeenCalledTimes(2));
    const [error] = onError.mock.calls[0] as [Error];
    expect(error).toMatchObject({ code: "INVALID_OUTPUT", message: expect.stringContaining(named) });
  });
});

test("`output` may be a list of keys", async () => {
  const handler = createHandler(put("v"), { output: ["value"] });
  expect(await (await handler(post({ n: 1 }))).json()).toEqual({ value: "v" });
  // @ts-expect-error the store has no such key
  createHandler(put("v"), { output: ["valeu"] });
});

class Rows extends AsyncParallelBatchNode<Shared, string, string, "collect"> {
  override prep() {
    return ["row 7"];
  }
  override exec(): string {
    throw Object.assign(new Error("no such row"), { password: "hunter2" });
  }
  override post(shared: Shared, _: string[], results: unknown) {
    shared.value = results;
  }
}
class Hidden {
  readonly #field = 1;
  get field() {
    return this.#field;
  }
}

describe("what JSON would lose is an error that names the place", () => {
  test.each<[string, unknown, string]>([
    ["a Map", new Map([["a", 1]]), "Object.fromEntries(map)"],
    ["a Set", new Set([1]), "[...set]"],
    ["an Error", new Error("no such row"), "the words that the reader may see"],
    ["NaN", Number.NaN, "got NaN"],
    ["Infinity", -1 / 0, "got -Infinity"],
    ["a BigInt", 1n, "BigInt"],
    ["a function", () => 1, "a function"],
    ["a symbol", Symbol("x"), "a symbol"],
    ["a promise", Promise.resolve(1), "what it resolves with"],
    ["a RegExp", /x/, "RegExp"],
    ["bytes", new Uint8Array(2), "Uint8Array"],
    ["an instance of a class without public fields", new Hidden(), "got Hidden"],
  ])("%s", (_, value, words) => {
    for (const wrapped of [value, { a: [{ b: value }] }]) {
      const write = () => toJson("output()", wrapped);
      expect(write).toThrow(
        expect.objectContaining({ code: "INVALID_OUTPUT", message: expect.stringContaining(words) }),
      );
      if (!Object.is(wrapped, value) && typeof value !== "bigint") expect(write).toThrow("at `a.0.b`");
    }
  });

  test("a failed item, and neither its message nor its fields reach the caller", async () => {
    const onError = vi.fn();
    const rows = new Flow(new Rows({ onError: "collect" }));
    const response = await createHandler(rows, { output: ["value"], onError })(post({ n: 1 }));
    expect(await response.json()).toEqual({ error: { status: 500, message: "The flow failed" } });
    await vi.waitFor(() =>
      expect(onError.mock.calls[0]?.[0].message).toContain("at `value.0`, got ItemFailure"),
    );
  });

  test("in `ctx.emit`, and in what a remote node sends", async () => {
    const onError = vi.fn();
    const flow = new Flow(node({ exec: (_: undefined, { emit }) => emit(new Map()) }));
    const events = await eventsOf(await createHandler(flow, { onError })(postForEvents({})));
    expect(events.at(-1)).toMatchObject({ event: "error", data: { status: 500 } });
    const there = remote("http://service.test/", { fetch: () => expect.unreachable() });
    await expect(new Flow(there).run({ at: new Set() })).rejects.toMatchObject({
      code: "INVALID_OUTPUT",
      message: expect.stringContaining("at `at`"),
    });
  });
});

test("what JSON can hold is written as JSON.stringify does", () => {
  const shared = { x: 1 };
  const values = [
    undefined,
    null,
    "text",
    { a: undefined, b: [undefined, shared, shared], c: new Date(0), d: new URL("http://x/"), e: Object(1) },
    Object.assign(Object.create(null), { a: {} }),
    new (class {
      a = 1;
    })(),
    [[], {}, { toJSON: () => "own" }],
  ];
  for (const value of values) expect(toJson("x", value)).toBe(JSON.stringify(value) ?? "null");
});
