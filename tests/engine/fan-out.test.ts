import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  BatchFlow,
  BatchNode,
  type Context,
  Flow,
  type Items,
  locate,
  node,
} from "sluice";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Deferred, deferred, rejection, turn } from "../support/deferred.js";

const unhandled = vi.fn();
beforeEach(() => {
  unhandled.mockClear();
  process.on("unhandledRejection", unhandled);
});
afterEach(async () => {
  await turn();
  process.off("unhandledRejection", unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});

/** Lets all run that is ready, also where a busy machine has made the engine yield before it. */
const turns = async () => {
  for (let left = 5; left > 0; left--) await turn();
};

/** The same items as a sync and as an async iterable; `pulled` sees each just before it is given. */
const sources: [string, <T>(items: Iterable<T>, pulled?: (item: T) => void) => Items<T>][] = [
  [
    "a sync generator",
    function* (items, pulled) {
      for (const item of items) {
        pulled?.(item);
        yield item;
      }
    },
  ],
  [
    "an async generator",
    async function* (items, pulled) {
      for (const item of items) {
        pulled?.(item);
        yield item;
      }
    },
  ],
];

describe.each(sources)("over %s", (_name, source) => {
  test.each([1, 2, 3, 7, 100, Number.POSITIVE_INFINITY])(
    "no more than concurrency %d run at once, and as many as that do",
    async (concurrency) => {
      let running = 0;
      let peak = 0;
      const batch = Object.assign(new AsyncParallelBatchNode({ concurrency }), {
        prep: () => source(Array.from({ length: 30 }, (_, n) => n)),
        exec: async (n: number) => {
          peak = Math.max(peak, ++running);
          // A wait long enough for an async source to bring all that fit.
          for (let turns = 0; turns < 3 + (n % 3); turns++) await turn();
          running--;
        },
      });
      await batch.run({});
      expect(peak).toBe(Math.min(concurrency, 30));
    },
  );

  test.each([BatchNode, BatchFlow])("the one-by-one classes run one", async (Batch) => {
    let running = 0;
    let peak = 0;
    const work = async () => {
      peak = Math.max(peak, ++running);
      await turn();
      await turn();
      running--;
    };
    const prep = () => source(Array.from({ length: 10 }, (_, n) => ({ n })));
    const batch =
      Batch === BatchNode
        ? Object.assign(new BatchNode(), { prep, exec: work })
        : Object.assign(new BatchFlow(node({ exec: work })), { prep });
    await batch.run({});
    expect(peak).toBe(1);
  });

  test("an item is pulled only when a worker is free for it", async () => {
    const pulled: number[] = [];
    const holds: Deferred<void>[] = [];
    const batch = Object.assign(new AsyncParallelBatchNode({ concurrency: 3 }), {
      prep: () => source([0, 1, 2, 3, 4, 5], (item) => pulled.push(item)),
      exec: (item: number) => (holds[item] = deferred()).promise,
    });
    const run = batch.run({});
    await turns();
    expect(pulled).toEqual([0, 1, 2]);
    holds[1]!.resolve();
    await turns();
    expect(pulled).toEqual([0, 1, 2, 3]);
    holds[0]!.resolve();
    holds[3]!.resolve();
    await turns();
    expect(pulled).toEqual([0, 1, 2, 3, 4, 5]);
    for (const hold of holds) hold.resolve();
    await run;
  });

  test("a worker that retries pulls nothing", async () => {
    const pulled: number[] = [];
    const hold = deferred();
    const batch = Object.assign(new AsyncParallelBatchNode({ concurrency: 1, attempts: 2 }), {
      prep: () => source([0, 1], (item) => pulled.push(item)),
      exec: async (_item: number, { attempt }: Context) => {
        if (attempt === 0) throw new Error("again");
        await hold.promise;
      },
    });
    const run = batch.run({});
    await turn();
    await turn();
    expect(pulled).toEqual([0]);
    hold.resolve();
    await run;
  });

  test("at the first failure the source is closed, siblings are aborted and waited for, then it is thrown", async () => {
    const log: string[] = [];
    const hold = deferred();
    const failure = new Error("first");
    const closing = source([0, 1, 2, 3, 4]);
    const batch = Object.assign(new AsyncParallelBatchNode({ concurrency: 3 }), {
      prep: () => closing,
      exec: async (item: number, { signal }: Context) => {
        if (item === 2) {
          await turn();
          throw failure;
        }
        signal.addEventListener("abort", () => log.push(`${item} aborted`));
        await hold.promise;
        log.push(`${item} ended`);
        if (item === 1) throw new Error("too late to count");
      },
    });
    const run = rejection(batch.run({})).then((error) => {
      log.push("thrown");
      return error;
    });
    for (let turns = 0; turns < 4; turns++) await turn();
    expect(log).toEqual(["0 aborted", "1 aborted"]);
    hold.resolve();
    expect(await run).toBe(failure);
    expect(log).toEqual(["0 aborted", "1 aborted", "0 ended", "1 ended", "thrown"]);
    const next = await (closing as unknown as Iterator<number>).next();
    expect(next.done).toBe(true);
  });

  test("under collect all are run, whatever fails", async () => {
    const post = vi.fn();
    const batch = Object.assign(new AsyncParallelBatchNode({ concurrency: 2, onError: "collect" }), {
      prep: () => source([0, 1, 2, 3]),
      exec: async (item: number) => {
        if (item % 2 === 0) throw item;
        return item;
      },
      post,
    });
    await batch.run({});
    expect(post.mock.calls[0]![2]).toEqual([
      expect.objectContaining({ index: 0, error: 0 }),
      1,
      expect.objectContaining({ index: 2, error: 2 }),
      3,
    ]);
  });

  test.each(["throw", "collect"] as const)(
    "an error of the source fails the node, under onError: %s",
    async (onError) => {
      const error = new Error("source");
      const [post, fallback, retryIf] = [vi.fn(), vi.fn(), vi.fn(() => true)];
      const batch = Object.assign(
        new AsyncParallelBatchNode({ name: "Items", onError, attempts: 3, retryIf }),
        {
          prep: () =>
            source([0, 1, 2], (item) => {
              if (item === 2) throw error;
            }),
          execFallback: fallback,
          post,
        },
      );
      expect(await rejection(new Flow(batch, { name: "Main" }).run({}))).toBe(error);
      expect(locate(error)).toMatchObject({ path: ["Main", "Items"], node: "Items", attempt: 0 });
      for (const hook of [post, fallback, retryIf]) expect(hook).not.toHaveBeenCalled();
    },
  );

  test("an error of the source aborts and waits for what is in flight", async () => {
    const hold = deferred();
    const log: string[] = [];
    const batch = Object.assign(new AsyncParallelBatchNode({ concurrency: 2 }), {
      prep: () =>
        source([0, 1], (item) => {
          if (item === 1) throw new Error("source");
        }),
      exec: async (_item: number, { signal }: Context) => {
        signal.addEventListener("abort", () => log.push("aborted"));
        if (signal.aborted) log.push("aborted");
        await hold.promise;
        log.push("ended");
      },
    });
    const run = rejection(batch.run({})).then(() => log.push("thrown"));
    await turn();
    await turn();
    expect(log).toEqual(["aborted"]);
    hold.resolve();
    await run;
    expect(log).toEqual(["aborted", "ended", "thrown"]);
  });

  test("a source that ends while items are in flight is not pulled again", async () => {
    let ends = 0;
    const hold = deferred();
    const batch = Object.assign(new AsyncParallelBatchNode({ concurrency: 4 }), {
      prep: () => {
        const inner = source([0, 1]) as unknown as Iterator<number>;
        const next = () => inner.next();
        return {
          [Symbol.iterator in (inner as object) ? Symbol.iterator : Symbol.asyncIterator]: () => ({
            next: () => {
              const result = next() as IteratorResult<number> | Promise<IteratorResult<number>>;
              const count = (each: IteratorResult<number>) => {
                if (each.done) ends++;
                return each;
              };
              return result instanceof Promise ? result.then(count) : count(result);
            },
          }),
        } as unknown as Iterable<number>;
      },
      exec: () => hold.promise,
    });
    const run = batch.run({});
    await turn();
    hold.resolve();
    await run;
    expect(ends).toBe(1);
  });
});

describe("iterator.return()", () => {
  /** An endless iterator that counts how often it was closed. */
  const closable = (isAsync: boolean, onReturn: () => unknown = () => ({ done: true })) => {
    const counts = { next: 0, return: 0 };
    const result = () => ({ done: false, value: counts.next++ });
    const iterator = {
      next: () => (isAsync ? Promise.resolve(result()) : result()),
      return: () => {
        counts.return++;
        return onReturn();
      },
    };
    const items = { [isAsync ? Symbol.asyncIterator : Symbol.iterator]: () => iterator };
    return { counts, items: items as unknown as Iterable<number> };
  };
  const failsAt = (n: number, items: Iterable<number>, options = {}) =>
    Object.assign(new AsyncParallelBatchNode(options), {
      prep: () => items,
      exec: async (item: number) => {
        if (item === n) throw new Error("stop");
      },
    });

  test.each([false, true])("is called once on a failure (async: %s)", async (isAsync) => {
    const { counts, items } = closable(isAsync);
    await expect(failsAt(5, items).run({})).rejects.toThrow("stop");
    expect(counts.return).toBe(1);
  });

  test.each([false, true])("is called once on an abort (async: %s)", async (isAsync) => {
    const { counts, items } = closable(isAsync);
    const controller = new AbortController();
    const batch = Object.assign(new AsyncParallelBatchNode(), {
      prep: () => items,
      exec: async (item: number) => {
        if (item === 20) controller.abort();
        await turn();
      },
    });
    await rejection(batch.run({}, { signal: controller.signal }));
    expect(counts.return).toBe(1);
  });

  test.each([false, true])("is called when onResult fails (async: %s)", async (isAsync) => {
    const { counts, items } = closable(isAsync);
    const batch = Object.assign(new BatchNode(), {
      prep: () => items,
      onResult: (_shared: unknown, _result: unknown, item: number) => {
        if (item === 2) throw new Error("full");
      },
    });
    await expect(batch.run({})).rejects.toThrow("full");
    expect(counts.return).toBe(1);
  });

  test.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new Error("return");
      },
    ],
    ["rejects", () => Promise.reject(new Error("return"))],
    ["never settles", () => new Promise(() => {})],
    ["gives nothing", () => undefined],
  ])("that %s changes nothing", async (_name, onReturn) => {
    for (const isAsync of [false, true]) {
      const { items } = closable(isAsync, onReturn);
      await expect(failsAt(3, items).run({})).rejects.toThrow("stop");
    }
  });

  test.each<[string, () => unknown]>([
    ["came to its end", () => ({ done: true })],
    [
      "failed by itself",
      () => {
        throw new Error("next");
      },
    ],
  ])("is not called on an iterator that %s", async (_name, last) => {
    const close = vi.fn();
    for (const items of [
      { [Symbol.iterator]: () => ({ next: last, return: close }) },
      { [Symbol.asyncIterator]: () => ({ next: async () => last(), return: close }) },
    ]) {
      for (const Batch of [BatchNode, AsyncParallelBatchNode]) {
        await Object.assign(new Batch(), { prep: () => items as never })
          .run({})
          .catch((error) => expect(error).toEqual(new Error("next")));
        expect(close).not.toHaveBeenCalled();
      }
    }
  });

  test("is not waited for: an async generator stuck in an await holds nothing up", async () => {
    const batch = Object.assign(new AsyncParallelBatchNode(), {
      async *prep() {
        yield 1;
        await new Promise(() => {});
      },
      exec: async () => {
        await turn();
        throw new Error("stop");
      },
    });
    await expect(batch.run({})).rejects.toThrow("stop");
  });

  test("is called once although the source was being asked, and what it then gives is not worked on", async () => {
    const [asked, answer] = [deferred(), deferred<IteratorResult<number>>()];
    const [close, exec] = [vi.fn(), vi.fn()];
    let nexts = 0;
    const items = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          if (nexts++ === 0) return Promise.resolve({ done: false, value: 0 });
          asked.resolve();
          return answer.promise;
        },
        return: close,
      }),
    };
    const batch = Object.assign(new AsyncParallelBatchNode(), {
      prep: () => items as never,
      exec: async (item: number) => {
        exec(item);
        await asked.promise;
        throw new Error("stop");
      },
    });
    await expect(batch.run({})).rejects.toThrow("stop");
    answer.resolve({ done: false, value: 1 });
    await turn();
    expect(close).toHaveBeenCalledOnce();
    expect(exec.mock.calls).toEqual([[0]]);
    expect(nexts).toBe(2);
  });

  test("runs the finally of a generator", async () => {
    const closed = vi.fn();
    const batch = Object.assign(new BatchNode(), {
      *prep() {
        try {
          yield* [1, 2, 3];
        } finally {
          closed();
        }
      },
      exec: (item: number) => {
        if (item === 2) throw new Error("stop");
      },
    });
    await rejection(batch.run({}));
    expect(closed).toHaveBeenCalledOnce();
  });

  test("runs the finally of a generator that was busy when the run was aborted", async () => {
    const controller = new AbortController();
    const closed = vi.fn();
    const batch = Object.assign(new BatchNode(), {
      *prep() {
        try {
          yield 1;
          controller.abort();
          yield 2;
        } finally {
          closed();
        }
      },
    });
    await rejection(batch.run({}, { signal: controller.signal }));
    expect(closed).toHaveBeenCalledOnce();
  });
});

describe("a hostile iterable is a failure of the node, and nothing goes unhandled", () => {
  const boom = new Error("hostile");
  const fail = () => {
    throw boom;
  };
  const sync = (next: () => unknown) => ({ [Symbol.iterator]: () => ({ next }) });
  const async = (next: () => unknown) => ({ [Symbol.asyncIterator]: () => ({ next }) });
  const hostile: [string, object][] = [
    ["Symbol.iterator throws", { [Symbol.iterator]: fail }],
    ["Symbol.asyncIterator throws", { [Symbol.asyncIterator]: fail }],
    [
      "Symbol.iterator is a getter that throws",
      {
        get [Symbol.iterator]() {
          return fail();
        },
      },
    ],
    ["next throws", sync(fail)],
    ["an async next throws", async(fail)],
    ["an async next rejects", async(() => Promise.reject(boom))],
    [
      "next is a getter that throws",
      {
        [Symbol.iterator]: () => ({
          get next() {
            return fail();
          },
        }),
      },
    ],
    ...[sync, async].flatMap((source): [string, object][] => [
      [
        `done is a getter that throws (${source.name})`,
        source(() => ({
          get done() {
            return fail();
          },
        })),
      ],
      [
        `value is a getter that throws (${source.name})`,
        source(() => ({
          done: false,
          get value() {
            return fail();
          },
        })),
      ],
    ]),
  ];

  test.each(hostile)("%s", async (_name, items) => {
    for (const Batch of [BatchNode, AsyncParallelBatchNode]) {
      const [exec, post] = [vi.fn(), vi.fn()];
      const batch = Object.assign(new Batch({ name: "Items" }), { prep: () => items as never, exec, post });
      expect(await rejection(batch.run({}))).toBe(boom);
      expect(locate(boom)?.node).toBe("Items");
      expect(exec).not.toHaveBeenCalled();
      expect(post).not.toHaveBeenCalled();
    }
  });

  test.each<[string, object]>([
    ["Symbol.iterator is no function", { [Symbol.iterator]: 3 }],
    ["Symbol.iterator gives nothing", { [Symbol.iterator]: () => undefined }],
    ["Symbol.asyncIterator gives nothing", { [Symbol.asyncIterator]: () => null }],
    ["next is missing", { [Symbol.iterator]: () => ({}) }],
    ["next gives nothing", sync(() => undefined)],
    ["an async next gives nothing", async(() => undefined)],
    ["next gives null", sync(() => null)],
  ])("%s", async (_name, items) => {
    const exec = vi.fn();
    const batch = Object.assign(new AsyncParallelBatchNode(), { prep: () => items as never, exec });
    expect(await rejection(batch.run({}))).toBeInstanceOf(TypeError);
    expect(exec).not.toHaveBeenCalled();
  });
});

describe("an async source", () => {
  test("is asked for one item at a time, and slowly if it is slow", async () => {
    let asking = 0;
    let most = 0;
    let given = 0;
    const items = {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          most = Math.max(most, ++asking);
          await turn();
          asking--;
          return given < 10 ? { done: false, value: given++ } : { done: true, value: undefined };
        },
      }),
    };
    const seen: number[] = [];
    const batch = Object.assign(new AsyncParallelBatchNode({ concurrency: 4 }), {
      prep: () => items as AsyncIterable<number>,
      exec: async (item: number) => {
        await turn();
        seen.push(item);
      },
    });
    await batch.run({});
    expect(most).toBe(1);
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("that is slow does not hold back items that are there", async () => {
    const [second, first] = [deferred(), deferred()];
    const batch = Object.assign(new AsyncParallelBatchNode(), {
      async *prep() {
        yield "first";
        await second.promise;
        yield "second";
      },
      exec: async (item: string) => {
        if (item === "first") first.resolve();
      },
    });
    const run = batch.run({});
    await first.promise;
    second.resolve();
    await run;
  });

  test("that waits for its consumers' work is no deadlock", async () => {
    const queue: number[] = [1];
    let wake = deferred();
    const crawl = Object.assign(new AsyncParallelBatchNode({ concurrency: 3 }), {
      async *prep() {
        for (let seen = 0; seen < 7; seen++) {
          while (queue.length === 0) await wake.promise;
          yield queue.shift() as number;
        }
      },
      exec: async (page: number) => {
        await turn();
        queue.push(page * 2, page * 2 + 1);
        wake.resolve();
        wake = deferred();
        return page;
      },
    });
    const post = vi.fn();
    await Object.assign(crawl, { post }).run({});
    expect(post.mock.calls[0]![2]).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });
});

test("an onResult in flight at an abort is waited for, though an exec that ignores its signal is not", async () => {
  const controller = new AbortController();
  const log: string[] = [];
  const [hold, delivering] = [deferred(), deferred()];
  const batch = Object.assign(new AsyncParallelBatchNode(), {
    prep: () => ["delivers", "hangs"],
    exec: (item: string) => (item === "hangs" ? deferred().promise : undefined),
    onResult: async () => {
      delivering.resolve();
      await hold.promise;
      log.push("delivered");
    },
  });
  const run = rejection(batch.run({}, { signal: controller.signal })).then((reason) =>
    log.push(String(reason)),
  );
  await delivering.promise;
  controller.abort("stop");
  for (let turns = 0; turns < 3; turns++) await turn();
  expect(log).toEqual([]);
  hold.resolve();
  await run;
  expect(log).toEqual(["delivered", "stop"]);
});

test("no item starts after the failure of another, however close they come", async () => {
  const late: number[] = [];
  for (let distance = 0; distance < 25; distance++) {
    const start = deferred();
    const wait = async (waits: number) => {
      await start.promise;
      for (let n = 0; n < waits; n++) await undefined;
    };
    const batch = Object.assign(new AsyncParallelBatchNode(), {
      async *prep() {
        yield 0;
        await wait(distance);
        yield 1;
      },
      exec: async (item: number, { signal }: Context) => {
        if (signal.aborted) late.push(distance);
        if (item === 0) {
          await wait(10);
          throw new Error("stop");
        }
      },
    });
    const run = batch.run({});
    await turn();
    start.resolve();
    await expect(run).rejects.toThrow("stop");
  }
  expect(late).toEqual([]);
});

describe("onResult", () => {
  test.each([AsyncParallelBatchNode, AsyncParallelBatchFlow])(
    "is called one at a time, in the order of finishing",
    async (Batch) => {
      let delivering = 0;
      const order: number[] = [];
      const holds = Array.from({ length: 4 }, () => deferred());
      const prep = () => [0, 1, 2, 3].map((n) => ({ n }));
      const onResult = async (_shared: unknown, _result: unknown, { n }: { n: number }) => {
        expect(++delivering).toBe(1);
        await turn();
        delivering--;
        order.push(n);
      };
      const batch =
        Batch === AsyncParallelBatchNode
          ? Object.assign(new AsyncParallelBatchNode(), {
              prep,
              exec: ({ n }: { n: number }) => holds[n]!.promise,
              onResult,
            })
          : Object.assign(
              new AsyncParallelBatchFlow(
                node({ exec: (_prepared: unknown, { params }) => holds[params.n]!.promise }),
              ),
              { prep, onResult },
            );
      const run = batch.run({});
      for (const n of [2, 0, 3, 1]) {
        holds[n]!.resolve();
        await turn();
      }
      await run;
      expect(order).toEqual([2, 0, 3, 1]);
    },
  );

  test("that is slow holds the batch back: no item is pulled for a worker that waits to deliver", async () => {
    const pulled: number[] = [];
    const hold = deferred();
    const batch = Object.assign(new AsyncParallelBatchNode({ concurrency: 2 }), {
      *prep() {
        for (let n = 0; n < 10; n++) {
          pulled.push(n);
          yield n;
        }
      },
      onResult: () => hold.promise,
    });
    const run = batch.run({});
    for (let turns = 0; turns < 5; turns++) await turn();
    expect(pulled).toEqual([0, 1]);
    hold.resolve();
    await run;
    expect(pulled).toHaveLength(10);
  });

  test("is called no more after it failed, and what it was doing is waited for", async () => {
    const log: string[] = [];
    const batch = Object.assign(new AsyncParallelBatchNode({ concurrency: 4 }), {
      prep: () => [0, 1, 2, 3],
      onResult: async (_shared: unknown, _result: unknown, item: number) => {
        log.push(`takes ${item}`);
        await turn();
        log.push(`took ${item}`);
        if (item === 1) throw new Error("full");
      },
    });
    await expect(batch.run({})).rejects.toThrow("full");
    expect(log).toEqual(["takes 0", "took 0", "takes 1", "took 1"]);
  });

  test("in flight when a sibling fails is waited for before run() rejects", async () => {
    const log: string[] = [];
    const hold = deferred();
    const batch = Object.assign(new AsyncParallelBatchNode(), {
      prep: () => ["delivers", "fails"],
      exec: async (item: string) => {
        if (item === "delivers") return;
        await turn();
        throw new Error("sibling");
      },
      onResult: async () => {
        await hold.promise;
        log.push("delivered");
      },
    });
    const run = rejection(batch.run({})).then(() => log.push("rejected"));
    for (let turns = 0; turns < 4; turns++) await turn();
    expect(log).toEqual([]);
    hold.resolve();
    await run;
    expect(log).toEqual(["delivered", "rejected"]);
  });
});

test("two failures at once: the first is thrown, the other is no unhandled rejection", async () => {
  const hold = deferred();
  const errors = [new Error("0"), new Error("1"), new Error("2")];
  const batch = Object.assign(new AsyncParallelBatchNode(), {
    prep: () => errors,
    exec: async (error: Error) => {
      await hold.promise;
      throw error;
    },
  });
  const run = rejection(batch.run({}));
  hold.resolve();
  expect(await run).toBe(errors[0]);
});

test.each([1, 3])(
  "siblings that fail because they were aborted are not tried again and get no fallback (attempts: %d)",
  async (attempts) => {
    const log: string[] = [];
    const batch = Object.assign(
      new AsyncParallelBatchNode({ attempts, retryIf: (error) => error !== "guilty" }),
      {
        prep: () => ["guilty", "sibling"],
        exec: async (item: string, { attempt, signal }: Context) => {
          log.push(`${item} ${attempt}`);
          if (item === "sibling") await new Promise((_, reject) => signal.addEventListener("abort", reject));
          await turn();
          throw item;
        },
        execFallback: (item: string, error: unknown) => {
          log.push(`${item} fallback`);
          throw error;
        },
      },
    );
    expect(await rejection(batch.run({}))).toBe("guilty");
    expect(log).toEqual(["guilty 0", "sibling 0", "guilty fallback"]);
  },
);

test("a caller's abort ends the wait for siblings that ignore their signals, and its reason is what is thrown", async () => {
  const controller = new AbortController();
  const batch = Object.assign(new AsyncParallelBatchNode(), {
    prep: () => ["fails", "hangs"],
    exec: (item: string) => (item === "fails" ? Promise.reject(new Error("sibling")) : deferred().promise),
  });
  let settled = false;
  const run = rejection(batch.run({}, { signal: controller.signal })).finally(() => {
    settled = true;
  });
  for (let turns = 0; turns < 4; turns++) await turn();
  expect(settled).toBe(false);
  controller.abort("stop");
  expect(await run).toBe("stop");
});

test("a failure of a nested batch stops the outer one, and is thrown once", async () => {
  const started: string[] = [];
  const inner = Object.assign(new AsyncParallelBatchNode(), {
    prep: (_shared: unknown, { params }: Context) => [`${params.n}a`, `${params.n}b`],
    exec: async (item: string, { signal }: Context) => {
      started.push(item);
      await turn();
      if (item === "1b") throw new Error(item);
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    },
  });
  const outer = Object.assign(new AsyncParallelBatchFlow(inner, { concurrency: 2 }), {
    prep: () => [{ n: 0 }, { n: 1 }, { n: 2 }],
  });
  await expect(outer.run({})).rejects.toThrow("1b");
  expect(started).toEqual(["0a", "0b", "1a", "1b"]);
});
