import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  type AttemptEvent,
  BatchNode,
  type Context,
  Executor,
  type ExecutorAnswer,
  type ExecutorCall,
  emitter,
  Flow,
  Gate,
  isFailure,
  locate,
  Node,
  node,
  type ParallelBatchNodeOptions,
  type Params,
  SluiceError,
  type UsageEvent,
} from "sluice";
import { openJournal } from "sluice/journal";
import { describe, expect, test } from "vitest";
import { deferred, rejection, turn } from "../support/deferred.js";
import { elsewhere, Here } from "../support/executors.js";
import { watchers } from "../support/watchers.js";

const here = <S>(createFlow: (executor: Executor | undefined) => Flow<S>) => createFlow(new Here());
const makers = { "in this process": here, "in another copy of the flow": elsewhere } as const;
const cases = Object.entries(watchers).flatMap(([watcher, run]) =>
  Object.entries(makers).map(([place, make]) => ({ watcher, run, place, make })),
);

interface Shared {
  results?: unknown[];
  log?: string[];
}

/** Items of a batch whose `exec` a test writes. */
interface Work {
  readonly items: readonly number[];
  readonly exec: (item: number, ctx: Context) => unknown;
  readonly options?: Pick<ParallelBatchNodeOptions, "attempts" | "timeout" | "concurrency" | "backoff">;
  readonly fallback?: (item: number, error: unknown) => unknown;
  readonly collect?: boolean;
}
const batch =
  ({ items, exec, options, fallback, collect }: Work) =>
  (executor: Executor | undefined): Flow<Shared> => {
    class Items extends AsyncParallelBatchNode<Shared, number, unknown> {
      override prep() {
        return items;
      }
      override exec = exec;
      override post(shared: Shared, _items: unknown, results: unknown[]) {
        shared.results = results;
      }
    }
    const onError = collect ? { onError: "collect" as never } : {};
    const made = new Items({ ...options, ...onError, executor });
    if (fallback !== undefined) made.execFallback = fallback as never;
    return new Flow<Shared>(made, { name: "Main" });
  };

describe.each(cases)("an executor $place, watched by $watcher", ({ run, make }) => {
  test("results are in input order, and exec sees its params, index, attempt and key", async () => {
    const seen: unknown[] = [];
    const flow = make(
      batch({
        items: [3, 1, 2],
        exec: async (item, { params, index, attempt, key, runId }) => {
          for (let i = 0; i < item; i++) await turn();
          seen.push([(params as { by: number }).by, index, attempt, key, runId]);
          return item * 10;
        },
      }),
    );
    const shared: Shared = {};
    await run(flow, shared, { params: { by: 7 }, runId: "r" });
    expect(shared.results).toEqual([30, 10, 20]);
    const expected = [0, 1, 2].map((index) => [7, index, 0, `Main/Items[${index}]`, "r"]);
    expect(seen.sort()).toEqual(expected.sort());
  });

  test("attempts, lastError and the fallback work, and a failure names its place", async () => {
    const tries = new Map<number, unknown[]>();
    const exec = (item: number, { lastError, attempt }: Context) => {
      const seen = tries.get(item) ?? [];
      tries.set(item, [...seen, (lastError as Error | undefined)?.message]);
      if (item === 1 && attempt === 2) return "third";
      throw new RangeError(`${item} at ${attempt}`);
    };
    const options = { attempts: 3 };
    const fallback = (item: number, error: unknown) => {
      if (item === 2) return "instead";
      throw error;
    };
    const shared: Shared = {};
    const flow = make(batch({ items: [1, 2, 3], exec, options, fallback, collect: true }));
    await run(flow, shared);
    expect(tries.get(1)).toEqual([undefined, "1 at 0", "1 at 1"]);
    const [first, second, third] = shared.results as [
      unknown,
      unknown,
      { error: RangeError; attempts: number },
    ];
    expect([first, second]).toEqual(["third", "instead"]);
    expect(isFailure(third)).toBe(true);
    expect(third.error).toBeInstanceOf(RangeError);
    expect(third.error.message).toBe("3 at 2");
    expect(third.attempts).toBe(3);
    expect(locate(third.error)).toMatchObject({
      path: ["Main", "Items"],
      node: "Items",
      item: 2,
      attempt: 2,
    });
    expect(locate(third.error)?.machine).toBe(make === elsewhere ? "elsewhere" : undefined);
  });

  test("the first failure aborts the others' signals", async () => {
    const aborted: number[] = [];
    const begun = deferred();
    const exec = async (item: number, { signal }: Context) => {
      if (item === 2) {
        await begun.promise;
        throw new Error("second");
      }
      const over = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      begun.resolve();
      await over;
      aborted.push(item);
    };
    const error = await rejection(run(make(batch({ items: [1, 2], exec })), {}));
    expect((error as Error).message).toBe("second");
    expect(aborted).toEqual([1]);
  });

  test("an abort reaches exec, is not retried, and does not wait for one that ignores it", async () => {
    const abort = new AbortController();
    const reason = new Error("stop");
    let calls = 0;
    const signals: AbortSignal[] = [];
    const exec = async (_item: number, { signal }: Context) => {
      calls++;
      signals.push(signal);
      setImmediate(() => abort.abort(reason));
      await new Promise(() => {});
    };
    const flow = make(batch({ items: [1], exec, options: { attempts: 3 }, fallback: () => "no" }));
    expect(await rejection(run(flow, {}, { signal: abort.signal }))).toBe(reason);
    expect(calls).toBe(1);
    expect(signals[0]?.aborted).toBe(true);
    expect(locate(reason)).toBeUndefined();
  });

  test("a drain lets the attempt in flight end, and begins no other", async () => {
    const drain = new AbortController();
    const reason = new Error("drained");
    const begun: string[] = [];
    const exec = async (item: number, { attempt }: Context) => {
      begun.push(`${item} at ${attempt}`);
      if (item === 2) drain.abort(reason);
      await turn();
      if (item === 1) throw new Error("first");
      return item;
    };
    const delivered: unknown[] = [];
    const flow = make((executor) => {
      const made = batch({ items: [1, 2, 3], exec, options: { attempts: 3, concurrency: 2 } })(executor);
      const items = made.start as AsyncParallelBatchNode;
      items.onResult = (_shared, result) => void delivered.push(result);
      return made;
    });
    expect(await rejection(run(flow, {}, { drain: drain.signal }))).toBe(reason);
    expect(begun).toEqual(["1 at 0", "2 at 0"]);
    expect(delivered).toEqual([2]);
  });

  test("timeouts hold for each attempt", async () => {
    // On a busy machine 5 ms may pass before an `exec` that returns at once has returned: then it has more tries.
    const exec = (_item: number, { signal, attempt }: Context) =>
      attempt > 0 ? "late" : new Promise(() => signal.addEventListener("abort", () => {}));
    const shared: Shared = {};
    await run(make(batch({ items: [1], exec, options: { attempts: 20, timeout: 5 } })), shared);
    expect(shared.results).toEqual(["late"]);
  });

  test("the budget holds: cost() is reserved for each item, and charge() settles it", async () => {
    const flow = make((executor) => {
      const made = batch({
        items: [1, 2, 3, 4],
        exec: (item, { charge }) => {
          charge(10);
          return item;
        },
        options: { concurrency: 4 },
      })(executor);
      (made.start as AsyncParallelBatchNode).cost = () => 40;
      return made;
    });
    const shared: Shared = {};
    await run(flow, shared, { budget: { tokens: 70 } }); // 3 at 10 and one reserved at 40
    expect(shared.results).toEqual([1, 2, 3, 4]);
    expect(await rejection(run(flow, {}, { budget: { tokens: 60 } }))).toMatchObject({
      code: "BUDGET_SPENT",
    });
    expect(await rejection(run(flow, {}, { budget: { calls: 3 } }))).toMatchObject({ code: "BUDGET_SPENT" });
  });

  test("a budget counts every attempt", async () => {
    const exec = (_item: number, { attempt }: Context) => {
      if (attempt < 2) throw new Error("again");
      return "ok";
    };
    const events = emitter();
    const usage: UsageEvent[] = [];
    events.on("usage", (event) => usage.push(event));
    const flow = make(batch({ items: [1], exec, options: { attempts: 3 } }));
    await flow.run({}, { events });
    expect(usage.at(-1)).toMatchObject({ calls: 3 });
    await run(flow, {}, { budget: { calls: 3 } });
  });

  test("a run with a journal remembers what came back, and asks for no call again", async () => {
    const journal = await openJournal(":memory:");
    let calls = 0;
    let isBroken = true;
    const flow = make(
      batch({
        items: [1, 2, 3],
        exec: async (item) => {
          calls++;
          if (item === 3 && isBroken) {
            await turn();
            throw new Error("third");
          }
          return { item };
        },
        options: { concurrency: 1 },
      }),
    );
    expect(await rejection(run(flow, {}, { journal, runId: "r" }))).toMatchObject({ message: "third" });
    expect(calls).toBe(3);
    isBroken = false;
    const shared: Shared = {};
    await run(flow, shared, { journal, runId: "r" });
    expect(calls).toBe(4);
    expect(shared.results).toEqual([{ item: 1 }, { item: 2 }, { item: 3 }]);
    await journal.close();
  });

  test("idempotencyKey is the same as without an executor, with a journal too", async () => {
    const keys: string[] = [];
    const exec = (_item: number, { idempotencyKey }: Context) => void keys.push(idempotencyKey);
    const create = batch({ items: [1], exec });
    for (const flow of [make(create), create(undefined)]) {
      await run(flow, {}, { runId: "r" });
      const journal = await openJournal(":memory:");
      await run(flow, {}, { runId: "r", journal });
      await journal.close();
    }
    expect(keys.slice(0, 2)).toEqual(keys.slice(2));
    expect(keys).toHaveLength(4);
  });

  test("a question is asked by the run, with a journal or without", async () => {
    const exec = async (item: number, { ask }: Context) => `${await ask({ item })}!`;
    const flow = make(batch({ items: [1, 2], exec }));
    const shared: Shared = {};
    await run(flow, shared, { ask: ({ question }) => `yes ${(question as { item: number }).item}` });
    expect(shared.results).toEqual(["yes 1!", "yes 2!"]);
    expect(await rejection(run(flow, {}))).toMatchObject({ code: "NOBODY_TO_ASK" });
    const journal = await openJournal(":memory:");
    const suspended = (await rejection(run(flow, {}, { journal, runId: "r" }))) as {
      questions: { token: string }[];
    };
    expect(suspended).toMatchObject({ code: "SUSPENDED", count: 2 });
    for (const { token } of suspended.questions) await journal.answer(token, "ok");
    const answered: Shared = {};
    await run(flow, answered, { journal, runId: "r" });
    expect(answered.results).toEqual(["ok!", "ok!"]);
    await journal.close();
  });

  test("nodes inside a batch flow have one too: the run walks, and calls travel", async () => {
    const flow = make<{ sums: number[] }>((executor) => {
      const add = node<{ sums: number[] }, number, number, undefined>({
        name: "Add",
        executor,
        prep: (_shared, { params }) => (params as { n: number }).n,
        exec: async (n, { params }) => n + (params as { n: number }).n,
        post: (shared, _n, sum) => {
          shared.sums.push(sum);
          return undefined;
        },
      });
      class Each extends AsyncParallelBatchFlow<{ sums: number[] }, Params> {
        override prep() {
          return [{ n: 1 }, { n: 2 }, { n: 3 }];
        }
      }
      return new Flow(new Each(add, { name: "Each" }), { name: "Main" }) as Flow<{ sums: number[] }>;
    });
    const shared = { sums: [] as number[] };
    await run(flow, shared);
    expect(shared.sums.sort()).toEqual([2, 4, 6]);
  });
});

describe.each(Object.entries(makers))("an executor %s", (_place, make) => {
  test("what exec emits reaches the run's listeners with its path and index", async () => {
    const events = emitter();
    const seen: unknown[] = [];
    events.on("data", ({ path, index, data }) => seen.push([path, index, data]));
    const exec = async (item: number, { emit }: Context) => {
      await emit({ item });
      return item;
    };
    await make(batch({ items: [5, 6], exec })).run({}, { events });
    expect(seen).toEqual([
      [["Main", "Items"], 0, { item: 5 }],
      [["Main", "Items"], 1, { item: 6 }],
    ]);
  });

  test("a stream gives the same events as without an executor", async () => {
    const exec = (item: number, { emit, attempt }: Context) => {
      void emit(`${item} at ${attempt}`);
      if (attempt === 0) throw new Error("again");
      return item;
    };
    const create = batch({ items: [1, 2], exec, options: { attempts: 2, concurrency: 1 } });
    const eventsOf = async (flow: Flow<Shared>) => {
      const seen: string[] = [];
      for await (const event of flow.stream({})) {
        const { type, index } = event;
        if (type === "usage") continue; // of all attempts at once
        const { phase, outcome, attempt } = event as { phase?: string; outcome?: string; attempt?: number };
        const error = (event as { error?: Error }).error?.message;
        seen.push(JSON.stringify({ type, index, phase, outcome, attempt, error }));
      }
      return seen.sort();
    };
    expect(await eventsOf(make(create))).toEqual(await eventsOf(create(undefined)));
  });

  test("events of attempts say how long they took and what they threw", async () => {
    const events = emitter();
    const ends: AttemptEvent[] = [];
    events.on("attempt", (event) => void (event.phase === "end" && ends.push(event)));
    const exec = async (_item: number, { attempt }: Context) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (attempt === 0) throw new Error("again");
    };
    await make(batch({ items: [1], exec, options: { attempts: 2, backoff: 1 } })).run({}, { events });
    expect(ends).toMatchObject([
      { attempt: 0, outcome: "failed", error: new Error("again"), wait: 1 },
      { attempt: 1, outcome: "done", wait: undefined },
    ]);
    for (const end of ends) expect((end as { duration: number }).duration).toBeGreaterThan(3);
    expect(new Set(ends.map(({ phase: _phase, ...end }) => (end as { id?: number }).id)).size).toBe(2);
  });

  test("10,000 items leave no listener and no call behind", async () => {
    const items = Array.from({ length: 10_000 }, (_, i) => i);
    const signal = new AbortController().signal;
    let added = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...given: Parameters<typeof addEventListener>) => {
      added++;
      addEventListener.apply(signal, given);
    };
    signal.removeEventListener = (...given: Parameters<typeof removeEventListener>) => {
      added--;
      removeEventListener.apply(signal, given);
    };
    const shared: Shared = {};
    const exec = (item: number, ctx: Context) => {
      void ctx.signal;
      return item;
    };
    await make(batch({ items, exec, options: { concurrency: 100 } })).run(shared, { signal });
    expect(shared.results).toEqual(items);
    expect(added).toBe(0);
  });
});

/** An executor that a test writes. */
class Written extends Executor {
  override readonly remote: boolean;
  readonly #execute: (call: ExecutorCall) => Promise<ExecutorAnswer>;
  constructor(execute: (call: ExecutorCall) => Promise<ExecutorAnswer>, remote = false) {
    super();
    this.#execute = execute;
    this.remote = remote;
  }
  override execute(call: ExecutorCall) {
    return this.#execute(call);
  }
}

describe("an executor of one's own", () => {
  test("gets the place of the node, and gives data, charges and attempts with its answer", async () => {
    const calls: ExecutorCall[] = [];
    const executor = new Written(async (call) => {
      calls.push(call);
      return { value: 42, emitted: ["a", "b"], charged: 5, attempts: 2 };
    });
    const answer = node({
      name: "Answer",
      executor,
      prep: () => ({ q: 1 }),
      exec: (): unknown => expect.fail(),
    });
    const first = node({ name: "First" });
    first.next(answer);
    const inner = new Flow(first, { name: "In/ner" });
    const flow = new Flow(inner, { name: "Outer" });
    const events = emitter();
    const seen: unknown[] = [];
    events.on("data", ({ data }) => seen.push(data));
    events.on("usage", ({ calls, tokens }) => seen.push({ calls, tokens }));
    await flow.run({}, { events, params: { p: 1 }, runId: "r" });
    expect(seen.slice(1)).toEqual(["a", "b", { calls: 3, tokens: 5 }]);
    const { place, key, path, name, params, input, index, root, runId } = calls[0] as ExecutorCall;
    expect({ place, key, path, name, params, input, index, runId }).toEqual({
      place: "Outer/In%2Fner/Answer",
      key: "Outer/In%2Fner/Answer#2",
      path: ["Outer", "In/ner", "Answer"],
      name: "Answer",
      params: { p: 1 },
      input: { q: 1 },
      index: undefined,
      runId: "r",
    });
    expect(root).toBe(flow);
  });

  test("a node that runs alone has its own name as its place", async () => {
    const executor = new Here();
    const alone = node({ name: "Alone", executor, exec: () => 1 });
    await alone.run({});
    expect(executor.calls.map(({ place, root }) => [place, root])).toEqual([["Alone", alone]]);
  });

  test("local() may call something else in place of exec, within attempts and gates", async () => {
    const gate = new Gate({ concurrency: 1 });
    let running = 0;
    let most = 0;
    const executor = new Written((call) =>
      call.local(async (input, { attempt }) => {
        most = Math.max(most, ++running);
        await turn();
        running--;
        if (attempt === 0) throw new Error("again");
        return `${input} elsewhere`;
      }),
    );
    const items = new BatchNode({ name: "Items", executor, gate, attempts: 2 });
    items.prep = () => [1, 2, 3];
    items.exec = () => expect.fail();
    let results: unknown[] = [];
    items.post = (_shared, _items, given) => void (results = given);
    await new Flow(items).run({});
    expect(results).toEqual(["1 elsewhere", "2 elsewhere", "3 elsewhere"]);
    expect(most).toBe(1);
    expect(gate.stats().started).toBe(6);
  });

  test("fallback() ends a call that cannot be made with what the node's fallback gives", async () => {
    const lost = new Error("lost");
    const executor = new Written((call) => call.fallback(lost));
    const withFallback = node({
      name: "A",
      executor,
      execFallback: (_: unknown, error) => [error] as unknown,
      post: (shared: { got?: unknown }, _, got) => {
        shared.got = got;
      },
    });
    const shared: { got?: unknown } = {};
    await new Flow(withFallback).run(shared);
    expect(shared.got).toEqual([lost]);
    const without = new Flow(node({ name: "B", executor, attempts: 3, retryIf: () => true }), { name: "F" });
    expect(await rejection(without.run({}))).toBe(lost);
    expect(locate(lost)?.path).toEqual(["F", "B"]);
  });

  test("an answer that is none is an error that says so", async () => {
    const flow = new Flow(node({ name: "A", executor: new Written(async () => undefined as never) }));
    const error = await rejection(flow.run({}));
    expect(error).toMatchObject({ code: "INVALID_EXECUTION" });
    expect((error as Error).message).toContain('"Flow" > "A"');
    expect((error as Error).message).toContain("got undefined");
  });

  test("what execute() throws at once is the failure of the call, and is not tried again", async () => {
    let calls = 0;
    const broken = new Error("broken");
    const executor = new Written(() => {
      calls++;
      throw broken;
    });
    expect(await rejection(new Flow(node({ executor, attempts: 3 })).run({}))).toBe(broken);
    expect(calls).toBe(1);
  });

  test("the option is checked, and flows do not take it", () => {
    expect(() => node({ executor: {} as never })).toThrow(
      "node(): expected `executor` to be an Executor, got an object",
    );
    const start = node({});
    expect(() => new Flow(start, { executor: new Here() } as never)).toThrow("unknown option `executor`");
    class Each extends AsyncParallelBatchFlow {}
    expect(() => new Each(start, { executor: new Here() } as never)).toThrow("unknown option `executor`");
  });

  test("a gate of a node whose calls leave the process must be shared", async () => {
    const remote = new Written((call) => call.local(), true);
    const gate = new Gate({ concurrency: 1 });
    const refused = { code: "GATE_NOT_SHARED" };
    expect(() => node({ executor: remote, gate })).toThrow(expect.objectContaining(refused));
    expect(() => node({ executor: remote, rate: { requests: 1, per: 1_000 } })).toThrow(
      expect.objectContaining(refused),
    );
    node({ executor: new Here(), gate });
    // One that is chosen for each call is looked at where the call is made.
    const flow = elsewhere(
      (executor) => new Flow(node({ name: "A", executor, gate: () => gate }), { name: "F" }),
    );
    expect(await rejection(flow.run({}))).toMatchObject(refused);
  });

  test("classes take the option as `node()` does", async () => {
    class Twice extends Node<{ n: number }, number, number> {
      override prep(shared: { n: number }) {
        return shared.n;
      }
      override exec(n: number) {
        return n * 2;
      }
      override post(shared: { n: number }, _n: number, twice: number) {
        shared.n = twice;
      }
    }
    const shared = { n: 4 };
    await new Flow(new Twice({ executor: new Here() })).run(shared);
    expect(shared.n).toBe(8);
  });

  test("INVALID_COST of a run with a budget names the place", async () => {
    const executor = new Here();
    const bad = node({ name: "Bad", executor, cost: () => -1 });
    const error = await rejection(new Flow(bad, { name: "F" }).run({}, { budget: { tokens: 5 } }));
    expect(error).toBeInstanceOf(SluiceError);
    expect(error).toMatchObject({ code: "INVALID_COST" });
    expect(locate(error)?.path).toEqual(["F", "Bad"]);
    expect(executor.calls).toEqual([]);
  });
});
