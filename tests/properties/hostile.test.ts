import EventEmitter from "eventemitter3";
import fc from "fast-check";
import {
  AsyncParallelBatchFlow,
  BatchFlow,
  BatchNode,
  chain,
  type DataEvent,
  Flow,
  Gate,
  locate,
  Node,
  node,
  type Params,
  parallel,
  type RunEvents,
  SluiceError,
} from "sluice";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { rejection } from "../support/deferred.js";
import { sized } from "../support/size.js";

const MB = 1_000_000;
const strings: [string, string][] = [
  ["__proto__", "__proto__"],
  ["constructor", "constructor"],
  ["prototype", "prototype"],
  ["toString", "toString"],
  ["hasOwnProperty", "hasOwnProperty"],
  ["then", "then"],
  ["a lone high surrogate", "\uD800"],
  ["a lone low surrogate", "\uDC00x"],
  ["a string cut inside a pair", `${"x".repeat(59)}\u{1F600}${"y".repeat(99)}`],
  ["a NUL", "\0"],
  ["line breaks and escapes", 'a\n"b"\u2028\u001b[31mred'],
  ["a space", " "],
  ["1 MB", "x".repeat(MB)],
  ["1 MB of surrogates", "\uD83D".repeat(MB)],
];
const any = fc.oneof(
  fc.constantFrom(...strings.map(([, text]) => text)),
  fc.string({ unit: "binary", minLength: 1 }),
  fc
    .array(fc.integer({ min: 0xd700, max: 0xe000 }), { minLength: 1 })
    .map((units) => String.fromCharCode(...units)),
);

const emitted: string[] = [];
beforeAll(() => {
  vi.spyOn(process, "emitWarning").mockImplementation((message) => void emitted.push(String(message)));
});
afterAll(() => void vi.restoreAllMocks());

const pristine = Object.getOwnPropertyNames(Object.prototype).sort();
afterEach(() => {
  expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(pristine);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

/** Holds an error's or a warning's words to what fits on a few lines of a terminal, and does it no harm. */
const expectShort = (text: string) => {
  expect(text.length).toBeLessThan(2_000);
  const harmful = [...text].filter((each) => each < " " || each === "\x7f" || /^[\ud800-\udfff]$/.test(each));
  expect(harmful).toEqual([]);
};

/** An object with an own property of any name, `__proto__` included. */
const own = (key: string, value: unknown): Params => Object.fromEntries([[key, value]]);

describe.each(strings)("%s", (_name, text) => {
  test("is an action like any other", async () => {
    const [right, wrong] = [vi.fn(), vi.fn()];
    const route = node({ post: () => text });
    route.on(text, node({ prep: right })).on("default", node({ prep: wrong }));
    await new Flow(route, { strict: true }).run({});
    expect(right).toHaveBeenCalledOnce();
    expect(wrong).not.toHaveBeenCalled();
    expect(await node({ post: () => text }).run({})).toBe(text);
    const ends = node({ post: () => text });
    expect(await new Flow(ends.on("other", new Node()).end(text), { strict: true }).run({})).toBe(text);
    expect(await new Flow(new Flow(node({ post: () => text }))).run({})).toBe(text);
  });

  test("is an action in branch()", async () => {
    const right = vi.fn();
    const route = node({ post: () => text });
    route.branch(own(text, node({ prep: right })) as never);
    await new Flow(route, { strict: true }).run({});
    expect(right).toHaveBeenCalledOnce();
  });

  test("is no link when it is not linked, and the messages are short", async () => {
    const never = vi.fn();
    const route = node({ name: text, post: () => text });
    route.on("other", node({ prep: never }));
    emitted.length = 0;
    expect(await new Flow(route, { name: text }).run({})).toBe(text);
    expect(emitted).toHaveLength(1);
    expectShort(emitted[0]!);
    const error = (await rejection(new Flow(route, { strict: true }).run({}))) as Error;
    expect(error).toMatchObject({ code: "UNKNOWN_ACTION" });
    expectShort(error.message);
    expect(never).not.toHaveBeenCalled();
  });

  test("is a node's name, in its place in the path, and quoted short in every message", async () => {
    const thrown = new Error("mine");
    const bad = node({
      name: text,
      exec: () => {
        throw thrown;
      },
    });
    await rejection(new Flow(bad, { name: text }).run({}));
    expect(locate(thrown)).toMatchObject({ path: [text, text], flow: text, node: text });

    const named = { name: text };
    const loop = node({ ...named, post: () => "again" as const });
    loop.on("again", loop);
    const messages = await Promise.all(
      [
        node({ ...named, post: () => 3 as never }).run({}),
        node({ ...named, timeout: 1, exec: () => new Promise(() => {}) }).run({}),
        new Flow(loop, named).run({}, { maxSteps: 3 }),
        new Node({ ...named, requires: [text] }).run({}),
        Object.assign(new BatchNode(named), { prep: () => 3 as never }).run({}),
        Object.assign(new BatchFlow(new Node(), named), { prep: () => [3 as never] }).run({}),
        parallel([bad], { ...named, until: "any" }).run({}),
        node({
          ...named,
          attempts: 2,
          backoff: () => -1,
          exec: () => {
            throw 1;
          },
        }).run({}),
        Promise.reject(thrownBy(() => new Flow(3 as never, named))),
        Promise.reject(thrownBy(() => new Node(named).next(3 as never))),
        Promise.reject(thrownBy(() => new Node(named).on(text, 3 as never))),
        Promise.reject(thrownBy(() => new Node(named).branch(3 as never))),
        Promise.reject(
          thrownBy(
            () =>
              new (class extends Flow {
                exec() {}
              })(new Node(), named),
          ),
        ),
        Promise.reject(thrownBy(() => new Flow(Object.assign(new Node(named), { execAsync() {} })))),
      ].map(async (work) => ((await rejection(work)) as Error).message),
    );
    for (const message of messages) expectShort(message);
  });

  test("is a params key, own and plain, that merges as every other", async () => {
    const seen: Params[] = [];
    const leaf = node({ prep: (_shared: unknown, { params }) => void seen.push(params) });
    const each = Object.assign(new AsyncParallelBatchFlow(new Flow(leaf, { params: own(text, "flow") })), {
      prep: () => [own(text, { polluted: "iteration" })],
    });
    each.next(leaf);
    await new Flow(each).run({}, { params: own(text, { polluted: "run" }) });
    expect(seen.map((params) => Object.getOwnPropertyDescriptor(params, text)?.value)).toEqual([
      "flow",
      { polluted: "run" },
    ]);
    for (const params of seen) {
      expect(Object.getPrototypeOf(params)).toBe(Object.prototype);
      expect(Object.keys(params)).toEqual([text]);
      expect(params.polluted).toBeUndefined();
    }
  });

  test("is a value: a param, an item, a result, a run's id, an error, data", async () => {
    const events = new EventEmitter<RunEvents>();
    const data: DataEvent[] = [];
    events.on("data", (event) => void data.push(event));
    const post = vi.fn();
    const batch = Object.assign(new BatchNode({ name: "Batch", onError: "collect" }), {
      prep: (_shared: unknown, { params }: { params: Params }) => [params.value, text],
      exec: async (
        item: string,
        { emit, index }: { emit: (data: unknown) => Promise<void>; index?: number },
      ) => {
        await emit(item);
        if (index === 1) throw item;
        return item;
      },
      post,
    });
    await batch.run({}, { params: { value: text }, runId: text, events });
    expect(post.mock.calls[0]![2]).toEqual([text, expect.objectContaining({ item: text, error: text })]);
    expect(data.map((event) => [event.runId, event.data])).toEqual([
      [text, text],
      [text, text],
    ]);
  });

  test("is a key of the store that requires can ask for, and that only the store's own has", async () => {
    const step = new Node<Params>({ requires: [text] });
    expect(await step.run(own(text, 1))).toBeUndefined();
    for (const store of [{}, own("other", 1), Object.create(null), new Map()]) {
      const error = (await rejection(step.run(store))) as Error;
      expect(error).toMatchObject({ code: "MISSING_KEYS" });
      expectShort(error.message);
    }
  });

  test("is an unknown option, refused in a short message", async () => {
    for (const make of [
      (options: object) => new Node(options),
      (options: object) => new Flow(new Node(), options),
      (options: object) => node(options),
      (options: object) => parallel([new Node()], options),
      (options: object) => new Node({ backoff: { delay: 1, ...options } }),
    ]) {
      const error = thrownBy(() => make(own(text, 1)));
      expect(error).toBeInstanceOf(SluiceError);
      expect(error).toMatchObject({ code: "UNKNOWN_OPTION" });
      expectShort(error.message);
    }
    const error = (await rejection(new Node().run({}, own(text, 1)))) as Error;
    expect(error).toMatchObject({ code: "UNKNOWN_OPTION" });
    expectShort(error.message);
  });

  test("is a wrong value, shown short", async () => {
    const named = Object.defineProperty(() => 1, "name", { value: text });
    class Hostile {}
    Object.defineProperty(Hostile, "name", { value: text });
    for (const value of [text, Symbol(text), named, new Hostile(), [text], own(text, text)]) {
      expectShort(thrownBy(() => new Node({ attempts: value as never })).message);
      expectShort(thrownBy(() => new Flow(value as never)).message);
      if (value === text) continue; // as an action it is fine
      expectShort(((await rejection(node({ post: () => value as never }).run({}))) as Error).message);
    }
  });
});

function thrownBy(make: () => unknown): Error {
  try {
    make();
  } catch (error) {
    return error as Error;
  }
  throw new Error("Expected a refusal");
}

test("the empty string is a key of params and of the store like any other, and an action that follows default", async () => {
  const seen: unknown[] = [];
  const leaf = new Node<Params>({ requires: [""] });
  leaf.prep = (_shared, { params }) => void seen.push(params);
  const first = node({ post: () => "" });
  first.next(leaf);
  await new Flow(first, { params: { "": "flow" } }).run({ "": 0 }, { params: { "": "run" } });
  expect(seen).toEqual([{ "": "flow" }]);
  expect(await rejection(new Flow(leaf).run({}))).toMatchObject({ code: "MISSING_KEYS" });
});

test("an enormous number is shown short", async () => {
  expectShort(thrownBy(() => new Node({ attempts: (10n ** 100_000n) as never })).message);
});

test("a value that cannot be shown is still refused by its rule", () => {
  const unshowable = [
    Object.create(null),
    new Proxy({}, { getPrototypeOf: () => null }),
    Object.create({ constructor: { name: Symbol("x") } }),
    Object.create({ constructor: undefined }),
    Object.create({
      get constructor() {
        throw new Error("constructor");
      },
    }),
    new Proxy(
      {},
      {
        getPrototypeOf: () => {
          throw new Error("trap");
        },
      },
    ),
    Object.defineProperty(() => 1, "name", { value: Symbol("x") }),
  ];
  for (const value of unshowable) {
    expect(thrownBy(() => new Node({ attempts: value as never }))).toMatchObject({ code: "INVALID_OPTION" });
  }
});

test("an error that answers no question is rethrown as it is", async () => {
  const trap = () => {
    throw new Error("trap");
  };
  const traps = { get: trap, has: trap, getPrototypeOf: trap, ownKeys: trap, getOwnPropertyDescriptor: trap };
  for (const error of [new Proxy({}, traps), new Proxy(() => {}, traps)]) {
    const exec = (): never => {
      throw error;
    };
    for (const run of [
      node({ exec }),
      node({ exec, attempts: 2 }),
      node({ exec, timeout: 1_000 }),
      node({ exec, gate: new Gate({ concurrency: 1 }) }),
      new Flow(node({ exec }), { attempts: 2 }),
      Object.assign(new BatchNode({ attempts: 2 }), { prep: () => [1], exec }),
      Object.assign(new BatchFlow(node({ exec })), { prep: () => [{}] }),
      parallel([node({ exec })]),
    ]) {
      const caught = await run.run({}).then(
        () => undefined,
        (reason: unknown) => ({ same: reason === error }),
      );
      expect(caught).toEqual({ same: true });
    }
  }
});

test("a result that answers no question is a result", async () => {
  const trap = () => {
    throw new Error("trap");
  };
  const result = new Proxy({}, { has: trap, getPrototypeOf: trap, ownKeys: trap });
  const events = new EventEmitter<RunEvents>();
  events.on("progress", () => {});
  const post = vi.fn();
  await Object.assign(new BatchNode(), { prep: () => [1, 2], exec: () => result, post }).run({}, { events });
  const [first, second] = post.mock.calls[0]![2] as unknown[];
  expect(first === result && second === result).toBe(true);
});

test("many unknown things at once make a short message too", async () => {
  const many = Object.fromEntries(
    Array.from({ length: 10_000 }, (_, n) => [`key ${n} ${"x".repeat(200)}`, 1]),
  );
  expectShortList(
    ((await rejection(new Node({ requires: ["missing" as never] }).run(many))) as Error).message,
  );
  const required = Array.from({ length: 10_000 }, (_, n) => `key ${n}`);
  expectShortList(((await rejection(new Node<Params>({ requires: required }).run({}))) as Error).message);
  const route = node({ post: () => "nowhere" as string });
  for (const key of required) route.on(key, new Node());
  expectShortList(((await rejection(new Flow(route, { strict: true }).run({}))) as Error).message);
});
const expectShortList = (text: string) => expect(text.length).toBeLessThan(3_000);

test("no time is spent on looking for the nearest among long names", async () => {
  const route = node({ post: () => "x".repeat(MB) });
  for (let n = 0; n < 100; n++) route.on(`${n}${"y".repeat(MB / 100)}`, new Node());
  // Comparing them letter by letter would take minutes, and this test would time out.
  const error = await rejection(new Flow(route, { strict: true }).run({}));
  expect(error).toMatchObject({
    code: "UNKNOWN_ACTION",
    message: expect.not.stringContaining("did you mean"),
  });
});

test("any string is an action that leads where it is linked, and a key that params keep", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(any, { minLength: 1, maxLength: 5 }), fc.nat(), async (actions, n) => {
      const action = actions[n % actions.length] as string;
      const reached: unknown[] = [];
      const route = node({ prep: (_shared: unknown, { params }) => params, post: () => action });
      for (const each of actions) {
        route.on(each, node({ prep: (_shared: unknown, { params }) => void reached.push(each, params) }));
      }
      const params = Object.fromEntries(actions.map((each) => [each, each]));
      await new Flow(chain(route)).run({}, { params });
      expect(reached[0]).toBe(action);
      expect(Object.entries(reached[1] as object)).toEqual(Object.entries(params));
    }),
    { numRuns: sized(300) },
  );
});
