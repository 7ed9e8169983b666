import {
  type Around,
  AsyncParallelBatchNode,
  BatchFlow,
  BatchNode,
  Flow,
  locate,
  node,
  type RunOptions,
  type Span,
} from "sluice";
import { describe, expect, test, vi } from "vitest";
import { deferred, rejection, turn } from "../support/deferred.js";

const name = ({ kind, path, index, attempt }: Span) =>
  [
    kind,
    path.at(-1),
    ...(index === undefined ? [] : [index]),
    ...(attempt === undefined ? [] : [`#${attempt}`]),
  ].join(" ");

class Words extends BatchNode<{ words: string[]; lengths?: unknown[] }, string, number, "throw" | "collect"> {
  calls: string[] = [];
  override prep(shared: { words: string[] }) {
    return shared.words;
  }
  override exec(word: string) {
    this.calls.push(word);
    if (word === "bad") throw new Error("bad word");
    return word.length;
  }
  override post(shared: { lengths?: unknown[] }, _: unknown, lengths: unknown[]) {
    shared.lengths = lengths;
  }
}

/** Hooks for one kind of span only. */
const only =
  (kind: Span["kind"], hook: Around): Around =>
  (span, next) =>
    span.kind === kind ? hook(span, next) : next();

/** What the work comes to, or -1 if it fails. */
async function ended(next: () => unknown): Promise<unknown> {
  try {
    return await next();
  } catch {
    return -1;
  }
}

describe("around", () => {
  test("wraps the run, its steps, items and attempts, each inside what it is part of", async () => {
    const log: string[] = [];
    const around: Around = async (span, next) => {
      log.push(`> ${name(span)}`);
      try {
        return await next();
      } finally {
        log.push(`< ${name(span)}`);
      }
    };
    const shared: { words: string[]; lengths?: number[] } = { words: ["a", "bc"] };
    await new Flow(new Words(), { name: "Main" }).run(shared, { around });
    expect(shared.lengths).toEqual([1, 2]);
    expect(log).toEqual([
      "> run Main",
      "> step Words",
      "> item Words 0",
      "> attempt Words 0 #0",
      "< attempt Words 0 #0",
      "< item Words 0",
      "> item Words 1",
      "> attempt Words 1 #0",
      "< attempt Words 1 #0",
      "< item Words 1",
      "< step Words",
      "< run Main",
    ]);
  });

  test("of several hooks the first is the outermost, and all close in turn, also around a failure", async () => {
    const log: string[] = [];
    const hook = (which: string): Around =>
      only("step", async (_span, next) => {
        log.push(`> ${which}`);
        try {
          return await next();
        } finally {
          await turn();
          log.push(`< ${which}`);
        }
      });
    const error = new Error("no");
    const fails = new Flow(node({ exec: () => Promise.reject(error) }));
    expect(await rejection(fails.run({}, { around: [hook("a"), hook("b"), hook("c")] }))).toBe(error);
    expect(locate(error)?.path).toEqual(["Flow", "node"]);
    expect(log).toEqual(["> a", "> b", "> c", "< c", "< b", "< a"]);
  });

  test("gets the span that it wraps: ids, parents, the node, the input", async () => {
    const spans: Span[] = [];
    const around: Around = (span, next) => {
      spans.push(span);
      return next();
    };
    class Each extends BatchFlow<object, { n: number }> {
      override prep() {
        return [{ n: 7 }];
      }
    }
    const inner = node({ name: "In", prep: () => "prepared", exec: (text) => text.length });
    await new Flow(new Each(inner), { name: "Main" }).run({}, { around, runId: "mine" });
    expect(spans.map(({ aborted: _, ended: _when, ...span }) => span)).toEqual([
      { kind: "run", id: 1, runId: "mine", path: ["Main"], name: "Main" },
      { kind: "step", id: 2, parent: 1, runId: "mine", path: ["Main", "Each"], name: "Each" },
      {
        kind: "item",
        id: 3,
        parent: 2,
        runId: "mine",
        path: ["Main", "Each"],
        name: "Each",
        index: 0,
        input: { n: 7 },
      },
      {
        kind: "step",
        id: 4,
        parent: 3,
        runId: "mine",
        path: ["Main", "Each", 0, "In"],
        name: "In",
        index: 0,
      },
      {
        kind: "attempt",
        id: 5,
        parent: 4,
        runId: "mine",
        path: ["Main", "Each", 0, "In"],
        name: "In",
        index: 0,
        attempt: 0,
        input: "prepared",
      },
    ]);
  });

  test("may answer from a cache, without the work", async () => {
    const cache = new Map<unknown, unknown>([["abc", 42]]);
    const cached = only("attempt", async ({ input }, next) => {
      if (!cache.has(input)) cache.set(input, await next());
      return cache.get(input);
    });
    const words = new Words();
    const shared: { words: string[]; lengths?: number[] } = { words: ["abc", "de", "de"] };
    await new Flow(words).run(shared, { around: cached });
    expect(shared.lengths).toEqual([42, 2, 2]);
    expect(words.calls).toEqual(["de"]);
    const skipped = new Flow(node({ name: "Skipped", post: () => "never" as const }));
    expect(await skipped.run({}, { around: only("step", () => "cached") })).toBe("cached");
    expect(await skipped.run({}, { around: only("run", () => "instead") })).toBe("instead");
  });

  test("that returns nothing leaves the result, or the failure, as it is", async () => {
    const shared: { words: string[]; lengths?: number[] } = { words: ["abc"] };
    await new Flow(new Words()).run(shared, {
      around: [
        async (_span, next) => void (await next()),
        (_span, next) => void next(), // does not even wait
        async (_span, next) => {
          await ended(next);
        },
      ],
    });
    expect(shared.lengths).toEqual([3]);
    const failing = new Flow(new Words()).run({ words: ["bad"] }, { around: (_span, next) => void next() });
    await expect(failing).rejects.toThrow("bad word");
    const swallowing: Around = async (_span, next) => {
      await ended(next);
    };
    await expect(new Flow(new Words()).run({ words: ["bad"] }, { around: swallowing })).rejects.toThrow(
      "bad word",
    );
  });

  test("that does not wait for the work is not done before it", async () => {
    const work = deferred<void>();
    const order: string[] = [];
    const slow = node({ exec: () => work.promise, post: () => void order.push("post") });
    const run = new Flow(slow).run(
      {},
      {
        around: only("attempt", (_span, next) => {
          void next();
          return "early";
        }),
      },
    );
    await turn();
    expect(order).toEqual([]);
    work.resolve();
    await run;
    expect(order).toEqual(["post"]);
  });

  test("may turn a failure into a result; what it throws is a failure, and an attempt's is tried again", async () => {
    const saves = only("item", (_span, next) => ended(next));
    const shared: { words: string[]; lengths?: number[] } = { words: ["ok", "bad"] };
    await new Flow(new Words()).run(shared, { around: saves });
    expect(shared.lengths).toEqual([2, -1]);

    let throws = 2;
    const flaky = only("attempt", (_span, next) => {
      if (throws-- > 0) throw new Error("hook");
      return next();
    });
    const words = new Words({ attempts: 3 });
    await new Flow(words).run(shared, { around: flaky }).catch(() => {});
    expect(words.calls[0]).toBe("ok");

    const breaks = only("item", () => Promise.reject(new Error("item hook")));
    const collected = new Words({ onError: "collect", attempts: 3 });
    const out: { words: string[]; lengths?: unknown[] } = { words: ["a", "b"] };
    await new Flow(collected).run(out as never, { around: breaks });
    expect(out.lengths).toMatchObject([
      { index: 0, item: "a", error: { message: "item hook" } },
      { index: 1, item: "b", error: { message: "item hook" } },
    ]);
    expect(collected.calls).toEqual([]);
  });

  test("may call next() once", async () => {
    const twice: Around = async (_span, next) => {
      await next();
      return next();
    };
    const run = new Flow(node({})).run({}, { around: only("step", twice) });
    await expect(run).rejects.toMatchObject({
      code: "NEXT_CALLED_TWICE",
      message:
        "An `around` hook called next() twice for one step; call it once, and use `attempts` to try again",
    });
  });

  test("wraps each attempt by itself, within its timeout, and a walk that is tried", async () => {
    const seen: string[] = [];
    const notes: Around = async (span, next) => {
      if (span.kind !== "attempt") return next();
      try {
        return await next();
      } catch (error) {
        seen.push(`${name(span)}: ${(error as Error).message}`);
        throw error;
      }
    };
    const slow = node({ name: "Slow", exec: () => new Promise(() => {}), timeout: 5, attempts: 2 });
    await rejection(new Flow(slow).run({}, { around: notes }));
    expect(seen).toEqual([
      'attempt Slow #0: "Slow" took longer than its `timeout: 5` ms',
      'attempt Slow #1: "Slow" took longer than its `timeout: 5` ms',
    ]);
  });

  test("a slow hook of one item holds back no other, and all have closed when run() settles", async () => {
    const held = deferred<void>();
    const order: number[] = [];
    class Items extends AsyncParallelBatchNode<object, number, number> {
      override prep() {
        return [0, 1, 2];
      }
      override exec(n: number) {
        return n;
      }
    }
    const hook = only("item", async ({ index }, next) => {
      const result = await next();
      if (index === 0) await held.promise;
      order.push(index as number);
      return result;
    });
    const run = new Flow(new Items()).run({}, { around: hook });
    await turn();
    expect(order).toEqual([1, 2]);
    held.resolve();
    await run;
    expect(order).toEqual([1, 2, 0]);
  });

  test("a failure aborts the hooks of its siblings and waits for them", async () => {
    const closed = vi.fn();
    class Items extends AsyncParallelBatchNode<object, number, unknown> {
      override prep() {
        return [0, 1];
      }
      override exec(n: number, { signal }: { signal: AbortSignal }) {
        if (n === 1) throw new Error("first failure");
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      }
    }
    const hook = only("item", async (span, next) => {
      try {
        return await next();
      } finally {
        await turn();
        closed(span.index, span.aborted);
      }
    });
    await expect(new Flow(new Items()).run({}, { around: hook })).rejects.toThrow("first failure");
    expect(closed.mock.calls).toEqual([
      [1, false],
      [0, true],
    ]);
  });

  test.each<[string, unknown]>([
    ["a string", "log"],
    ["an array with a hole", [() => {}, undefined]],
    ["an object", {}],
  ])("%s is no hook", async (_name, around) => {
    const run = new Flow(node({})).run({}, { around } as RunOptions);
    await expect(run).rejects.toThrow(
      /^run\(\): expected `around` to be a function or an array of functions/i,
    );
  });
});
