import {
  AsyncParallelBatchNode,
  BatchFlow,
  BatchNode,
  errorCodes,
  Flow,
  Gate,
  type Location,
  locate,
  Node,
  node,
  parallel,
  SluiceError,
} from "sluice";
import { describe, expect, test } from "vitest";
import { ERROR } from "../../src/base/keys.js";
import { deferred, rejection } from "../support/deferred.js";

const fails = (error: unknown, name = "Bad", options: object = {}) =>
  node({
    name,
    ...options,
    exec: () => {
      throw error;
    },
  });
const after = (name: string, next: Node) => {
  const first = new Node({ name });
  first.next(next);
  return first;
};

describe("a user's error is rethrown as it is", () => {
  const errors: Record<string, unknown> = {
    "an Error": new Error("mine"),
    "a frozen Error": Object.freeze(new Error("frozen")),
    "an object without a prototype": Object.freeze(Object.create(null)),
    "a function": () => "thrown",
    "a string": "thrown",
    "a number": 42,
    undefined,
    null: null,
    "a symbol": Symbol("thrown"),
    NaN: Number.NaN,
  };

  test.each(Object.entries(errors))("%s", async (_name, error) => {
    const bad = fails(error);
    const flows = {
      node: bad,
      tried: fails(error, "Bad", { attempts: 2 }),
      flow: new Flow(after("Good", bad)),
      nested: new Flow(new Flow(new Flow(bad))),
      prep: node({
        prep: () => {
          throw error;
        },
      }),
      post: node({
        post: (): undefined => {
          throw error;
        },
      }),
      batch: Object.assign(new BatchNode(), { prep: () => [1], exec: bad.exec }),
      fanOut: Object.assign(new AsyncParallelBatchNode(), { prep: () => [1, 2], exec: bad.exec }),
      batchFlow: Object.assign(new BatchFlow(bad), { prep: () => [{}] }),
      parallel: parallel([bad, new Node()]),
    };
    for (const [kind, flow] of Object.entries(flows)) {
      expect(await rejection(flow.run({})), kind).toBe(error);
    }
  });

  test("nothing is written to it", async () => {
    const error = new Error("mine");
    const before = Reflect.ownKeys(error);
    await rejection(new Flow(fails(error)).run({}));
    expect(Reflect.ownKeys(error)).toEqual(before);
    expect(error.message).toBe("mine");
  });
});

describe("locate() returns the place", () => {
  const cases: Record<string, [build: (error: Error) => Node | Flow | BatchNode, where: Partial<Location>]> =
    {
      "a node alone": [
        (error) => fails(error),
        { path: ["Bad"], flow: undefined, node: "Bad", item: undefined, attempt: 0 },
      ],
      "a node in a flow": [
        (error) => new Flow(after("Good", fails(error)), { name: "Main" }),
        { path: ["Main", "Bad"], flow: "Main", node: "Bad", item: undefined, attempt: 0 },
      ],
      "the last of three attempts": [
        (error) => new Flow(fails(error, "Bad", { attempts: 3 }), { name: "Main" }),
        { path: ["Main", "Bad"], attempt: 2 },
      ],
      "a prep": [
        (error) =>
          new Flow(
            node({
              name: "Bad",
              prep: () => {
                throw error;
              },
            }),
            { name: "Main" },
          ),
        { path: ["Main", "Bad"], node: "Bad", attempt: 0 },
      ],
      "a post": [
        (error) =>
          new Flow(
            node({
              name: "Bad",
              post: async (): Promise<undefined> => {
                throw error;
              },
            }),
            { name: "Main" },
          ),
        { path: ["Main", "Bad"], node: "Bad", attempt: 0 },
      ],
      "a nested flow": [
        (error) => new Flow(new Flow(fails(error), { name: "Inner" }), { name: "Main" }),
        { path: ["Main", "Inner", "Bad"], flow: "Inner", node: "Bad" },
      ],
      "the prep of a nested flow": [
        (error) =>
          new Flow(
            Object.assign(new Flow(new Node(), { name: "Inner" }), {
              prep: () => {
                throw error;
              },
            }),
            { name: "Main" },
          ),
        { path: ["Main", "Inner"], flow: "Main", node: "Inner" },
      ],
      "the post of a nested flow": [
        (error) =>
          new Flow(
            Object.assign(new Flow(new Node(), { name: "Inner" }), {
              post: () => {
                throw error;
              },
            }),
            { name: "Main" },
          ),
        { path: ["Main", "Inner"], flow: "Main", node: "Inner" },
      ],
      "an item of a batch": [
        (error) =>
          Object.assign(new BatchNode({ name: "Batch" }), {
            prep: () => ["a", "b", "c"],
            exec: (item: string) => {
              if (item === "b") throw error;
            },
          }),
        { path: ["Batch"], node: "Batch", item: 1, attempt: 0 },
      ],
      "an item's last attempt": [
        (error) =>
          Object.assign(new AsyncParallelBatchNode({ name: "Batch", attempts: 4 }), {
            prep: () => ["a", "b", "c"],
            exec: async (item: string) => {
              if (item === "c") throw error;
            },
          }),
        { path: ["Batch"], item: 2, attempt: 3 },
      ],
      "an iteration of a batch flow": [
        (error) =>
          new Flow(
            Object.assign(
              new BatchFlow(
                node({
                  name: "Bad",
                  prep: (_shared, { params }) => {
                    if (params.n === 1) throw error;
                  },
                }),
                { name: "Each" },
              ),
              { prep: () => [{ n: 0 }, { n: 1 }] },
            ),
            { name: "Main" },
          ),
        { path: ["Main", "Each", 1, "Bad"], flow: "Each", node: "Bad", item: 1 },
      ],
      "an iteration in an iteration": [
        (error) => {
          const bad = node({
            name: "Bad",
            prep: (_shared, { params }) => {
              if (params.a === 2 && params.b === 1) throw error;
            },
          });
          const inner = Object.assign(new BatchFlow(bad, { name: "B" }), {
            prep: () => [{ b: 0 }, { b: 1 }],
          });
          return Object.assign(new BatchFlow(inner, { name: "A" }), {
            prep: () => [{ a: 0 }, { a: 1 }, { a: 2 }],
          });
        },
        { path: ["A", 2, "B", 1, "Bad"], flow: "B", node: "Bad", item: 1 },
      ],
      "an item of a batch node in an iteration": [
        (error) => {
          const batch = Object.assign(new BatchNode({ name: "Items" }), {
            prep: () => ["x", "y"],
            exec: (item: string) => {
              if (item === "y") throw error;
            },
          });
          return Object.assign(new BatchFlow(batch, { name: "A" }), { prep: () => [{}] });
        },
        { path: ["A", 0, "Items"], flow: "A", node: "Items", item: 1 },
      ],
      "a branch of parallel()": [
        (error) =>
          new Flow(parallel([new Node(), fails(error)], { name: "Both" }) as never, {
            name: "Main",
          }),
        { path: ["Main", "Both", "Bad"], node: "Bad" },
      ],
      "a fallback": [
        (error) =>
          node({
            name: "Bad",
            attempts: 2,
            exec: () => {
              throw new Error("first");
            },
            execFallback: () => {
              throw error;
            },
          }),
        { path: ["Bad"], node: "Bad", attempt: 1 },
      ],
      "a fallback of an item": [
        (error) =>
          Object.assign(new BatchNode({ name: "Bad" }), {
            prep: () => [0, 1],
            exec: (item: number) => {
              if (item === 1) throw new Error("first");
            },
            execFallback: () => {
              throw error;
            },
          }),
        { path: ["Bad"], item: 1 },
      ],
      retryIf: [
        (error) =>
          fails(new Error("first"), "Bad", {
            attempts: 2,
            retryIf: () => {
              throw error;
            },
          }),
        { path: ["Bad"], attempt: 0 },
      ],
      "a backoff function": [
        (error) =>
          fails(new Error("first"), "Bad", {
            attempts: 2,
            backoff: () => {
              throw error;
            },
          }),
        { path: ["Bad"], attempt: 0 },
      ],
      "retryIf for an item": [
        (error) =>
          Object.assign(
            new BatchNode({
              name: "Bad",
              attempts: 2,
              retryIf: async () => {
                throw error;
              },
            }),
            {
              prep: () => [0],
              exec: () => {
                throw new Error("first");
              },
            },
          ),
        { path: ["Bad"], item: 0, attempt: 0 },
      ],
      "cost()": [
        (error) =>
          Object.assign(new Node({ name: "Bad", gate: new Gate() }), {
            cost: () => {
              throw error;
            },
          }),
        { path: ["Bad"], node: "Bad", attempt: 0 },
      ],
      "cost() of an item": [
        (error) =>
          Object.assign(new BatchNode({ name: "Items", gate: new Gate() }), {
            prep: () => [0, 1],
            cost: (item: number) => {
              if (item === 1) throw error;
              return 1;
            },
          }),
        { path: ["Items"], node: "Items", item: 1 },
      ],
      "cost() of an iteration": [
        (error) =>
          Object.assign(new BatchFlow(new Node(), { name: "Each", gate: new Gate() }), {
            prep: () => [{ n: 0 }, { n: 1 }],
            cost: async ({ n }: { n: number }) => {
              if (n === 1) throw error;
              return 1;
            },
          }),
        { path: ["Each"], node: "Each", item: 1 },
      ],
      "cost() of a flow": [
        (error) =>
          new Flow(
            Object.assign(new Flow(new Node(), { name: "Inner", gate: new Gate() }), {
              cost: () => {
                throw error;
              },
            }),
            { name: "Main" },
          ),
        { path: ["Main", "Inner"], node: "Inner" },
      ],
      "execFallback of a flow": [
        (error) =>
          new Flow(
            Object.assign(new Flow(fails(new Error("first")), { name: "Inner" }), {
              execFallback: () => {
                throw error;
              },
            }),
            { name: "Main" },
          ),
        { path: ["Main", "Inner"], node: "Inner" },
      ],
      "the iterable itself": [
        (error) =>
          new Flow(
            Object.assign(new BatchNode({ name: "Items" }), {
              *prep() {
                yield 1;
                throw error;
              },
            }),
            { name: "Main" },
          ),
        { path: ["Main", "Items"], node: "Items" },
      ],
      onResult: [
        (error) =>
          Object.assign(new BatchNode({ name: "Items" }), {
            prep: () => [1, 2],
            onResult: (_shared: unknown, _result: unknown, item: number) => {
              if (item === 2) throw error;
            },
          }),
        { path: ["Items"], item: 1 },
      ],
      fork: [
        (error) =>
          Object.assign(new BatchFlow(new Node(), { name: "Each" }), {
            prep: () => [{ n: 0 }, { n: 1 }],
            fork: (shared: object, { n }: { n: number }) => {
              if (n === 1) throw error;
              return shared;
            },
          }),
        { path: ["Each"], node: "Each", item: 1 },
      ],
      join: [
        (error) =>
          Object.assign(new BatchFlow(new Node(), { name: "Each" }), {
            prep: () => [{ n: 0 }, { n: 1 }],
            join: (_shared: object, { n }: { n: number }) => {
              if (n === 1) throw error;
            },
          }),
        { path: ["Each"], node: "Each", item: 1 },
      ],
    };

  test.each(Object.entries(cases))("%s", async (_name, [build, where]) => {
    const error = new Error("mine");
    expect(await rejection(build(error).run({}))).toBe(error);
    expect(locate(error)).toMatchObject(where);
  });

  // The same object thrown again: an error kept in a constant, or one that a cache rethrows.
  test.each(Object.entries(cases))(
    "%s, also when the error was thrown elsewhere before",
    async (_name, [build, where]) => {
      const error = new Error("mine");
      await rejection(new Flow(fails(error, "Elsewhere"), { name: "Before" }).run({}));
      expect(locate(error)?.path).toEqual(["Before", "Elsewhere"]);
      expect(await rejection(build(error).run({}))).toBe(error);
      expect(locate(error)).toMatchObject(where);
    },
  );

  test("our own errors too: a timeout of a node, of a flow and of an item", async () => {
    const hang = () => deferred().promise;
    const [late, slow] = [node({ name: "Late", timeout: 2, exec: hang }), node({ name: "Slow", exec: hang })];
    const timeouts = await Promise.all(
      [
        new Flow(late, { name: "Main" }),
        new Flow(new Flow(slow, { name: "Inner", timeout: 2 }), { name: "Main" }),
        Object.assign(new BatchNode({ name: "Items", timeout: 2 }), { prep: () => [1], exec: hang }),
      ].map((flow) => rejection(flow.run({}))),
    );
    for (const error of timeouts) expect(error).toMatchObject({ code: "TIMEOUT" });
    expect(locate(timeouts[0])).toMatchObject({ path: ["Main", "Late"], node: "Late" });
    expect(locate(timeouts[1])).toMatchObject({ path: ["Main", "Inner"], node: "Inner" });
    expect(locate(timeouts[2])).toMatchObject({ path: ["Items"], item: 0 });
  });

  test("and a wrong action, a missing key, a non-iterable", async () => {
    for (const bad of [
      node({ name: "Bad", post: () => 3 as never }),
      node({ name: "Bad", requires: ["nothing"] }),
      Object.assign(new BatchNode({ name: "Bad" }), { prep: () => 3 as never }),
      Object.assign(new BatchNode({ name: "Bad" }), { prep: () => "text" as never }),
    ]) {
      const error = await rejection(new Flow(bad as Node, { name: "Main" }).run({}));
      expect(error).toBeInstanceOf(SluiceError);
      expect(locate(error)).toMatchObject({ path: ["Main", "Bad"], flow: "Main", node: "Bad" });
    }
  });

  test("each collected failure", async () => {
    const errors = [new Error("0"), new Error("1"), new Error("2")];
    const batch = Object.assign(new AsyncParallelBatchNode({ name: "Items", onError: "collect" }), {
      prep: () => errors,
      exec: async (error: Error) => {
        throw error;
      },
    });
    await batch.run({});
    expect(errors.map((error) => locate(error)?.item)).toEqual([0, 1, 2]);
  });

  test("the aggregate of parallel({ until: 'any' }), and each of its errors", async () => {
    const both = parallel([fails(new Error("a"), "A"), fails(new Error("b"), "B")], {
      name: "Both",
      until: "any",
    });
    const error = (await rejection(both.run({}))) as AggregateError;
    expect(locate(error)).toMatchObject({ path: ["Both"], node: "Both" });
    expect(error.errors.map((each) => locate(each)?.node)).toEqual(["A", "B"]);
  });

  test("the same error object thrown by many items at once", async () => {
    const error = new Error("one for all");
    const batch = Object.assign(new AsyncParallelBatchNode({ name: "Items", onError: "collect" }), {
      prep: () => [0, 1, 2],
      exec: async () => {
        throw error;
      },
      post: (_shared: unknown, _items: unknown, results: unknown[]) => void failures.push(...results),
    });
    const failures: unknown[] = [];
    await batch.run({});
    expect(failures).toEqual([0, 1, 2].map((index) => expect.objectContaining({ index, error })));
    expect(locate(error)?.node).toBe("Items");
  });

  test("nothing for an error outside of runs, a primitive, an abort", async () => {
    for (const value of [new Error("nobody's"), "text", 3, undefined, null, Symbol("x")]) {
      expect(locate(value)).toBeUndefined();
    }
    await rejection(fails("text").run({}));
    expect(locate("text")).toBeUndefined();
    const reason = new Error("stop");
    const controller = new AbortController();
    const run = new Flow(node({ exec: () => deferred().promise })).run({}, { signal: controller.signal });
    controller.abort(reason);
    expect(await rejection(run)).toBe(reason);
    expect(locate(reason)).toBeUndefined();
  });
});

describe("SluiceError", () => {
  test("is an Error with a literal code, a name and a cause", () => {
    const error = new SluiceError("TIMEOUT", "too late", { cause: 1 });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ code: "TIMEOUT", name: "SluiceError", message: "too late", cause: 1 });
    expect(String(error)).toBe("SluiceError: too late");
    expect(Object.keys(error)).toEqual(["code"]);
  });

  test("is recognised by its brand, and nothing else is", () => {
    const other = { [ERROR]: true };
    expect(other).toBeInstanceOf(SluiceError);
    for (const value of [new Error("x"), {}, { code: "TIMEOUT" }, null, undefined, "SluiceError"]) {
      expect(value instanceof SluiceError).toBe(false);
    }
  });

  test("a subclass is its own kind", () => {
    class Mine extends SluiceError {}
    expect(new Mine("TIMEOUT", "x")).toBeInstanceOf(Mine);
    expect(new Mine("TIMEOUT", "x")).toBeInstanceOf(SluiceError);
    expect(new SluiceError("TIMEOUT", "x")).not.toBeInstanceOf(Mine);
  });

  test("its codes are unique words in capitals", () => {
    expect(new Set(errorCodes).size).toBe(errorCodes.length);
    for (const code of errorCodes) expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
  });
});

describe("messages say what was expected, what came, where, and what to do", () => {
  test("an item that is no iterable", async () => {
    const batch = Object.assign(new BatchNode({ name: "Lines" }), { prep: () => "some text" as never });
    const { message } = (await rejection(batch.run({}))) as Error;
    expect(message).toMatch(/"Lines".*iterable.*"some text" \(string\).*array/);
  });

  test("params that are no object", async () => {
    const each = Object.assign(new BatchFlow(new Node(), { name: "Each" }), {
      prep: () => ["a.txt"] as never,
    });
    const error = await rejection(each.run({}));
    expect(error).toMatchObject({ code: "INVALID_PARAMS" });
    expect((error as Error).message).toMatch(/"Each".*"a\.txt" \(string\)/);
    expect(locate(error)).toMatchObject({ node: "Each", item: 0 });
  });
});
