import fc from "fast-check";
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  type Context,
  type ItemFailure,
  isFailure,
  node,
} from "sluice";
import { describe, expect, test } from "vitest";
import { inWords, sized } from "../support/size.js";

const RUNS = sized(1_000);

interface Item {
  id: number;
  /** How many tries fail before one succeeds. */
  fails: number;
}

const itemsOf = (fails: number[]): Item[] => fails.map((each, id) => ({ id, fails: each }));
const arbitrary = [
  fc.scheduler(),
  fc.array(fc.nat(4), { maxLength: 6 }).map(itemsOf),
  fc.integer({ min: 1, max: 4 }),
  fc.constantFrom(1, 2, 3, Number.POSITIVE_INFINITY),
  fc.constantFrom("throw" as const, "collect" as const),
  fc.boolean(),
] as const;

/** Counts what happens to items, in whatever order it happens. */
class Ledger {
  readonly attempts = new Map<number, number[]>();
  readonly fallbacks = new Map<number, unknown[]>();
  readonly errors = new Map<number, Error>();
  running = new Set<number>();
  peak = 0;

  /** One try of an item, which ends when the scheduler says so. */
  async tried(item: Item, { attempt, index }: Context, scheduler: fc.Scheduler): Promise<string> {
    expect(index).toBe(item.id);
    expect(this.running.has(item.id)).toBe(false);
    this.running.add(item.id);
    this.peak = Math.max(this.peak, this.running.size);
    this.attempts.set(item.id, [...(this.attempts.get(item.id) ?? []), attempt]);
    await scheduler.schedule(Promise.resolve(), `try ${attempt} of ${item.id}`);
    this.running.delete(item.id);
    if (attempt >= item.fails) return `result ${item.id}`;
    const error = new Error(`try ${attempt} of ${item.id}`);
    this.errors.set(item.id, error);
    throw error;
  }

  async rescued(item: Item, error: unknown, { index }: Context, scheduler: fc.Scheduler): Promise<string> {
    expect(index).toBe(item.id);
    this.fallbacks.set(item.id, [...(this.fallbacks.get(item.id) ?? []), error]);
    await scheduler.schedule(Promise.resolve(), `fallback of ${item.id}`);
    return `fallback ${item.id}`;
  }

  /** Holds what happened against what each item's own plan says. */
  check(items: Item[], attempts: number, concurrency: number, results: unknown[], rescues: boolean): void {
    expect(results).toHaveLength(items.length);
    expect(this.peak).toBeLessThanOrEqual(concurrency);
    expect(this.running.size).toBe(0);
    for (const { id, fails } of items) {
      const succeeds = fails < attempts;
      const tries = Math.min(fails + 1, attempts);
      expect(this.attempts.get(id), `attempts of ${id}`).toEqual(Array.from({ length: tries }, (_, n) => n));
      expect(this.fallbacks.get(id), `fallbacks of ${id}`).toEqual(
        !succeeds && rescues ? [this.errors.get(id)] : undefined,
      );
      const result = results[id];
      if (succeeds || rescues) expect(result).toBe(succeeds ? `result ${id}` : `fallback ${id}`);
      else {
        expect(isFailure(result)).toBe(true);
        const failure = result as ItemFailure<Item>;
        expect([failure.index, failure.item, failure.attempts]).toEqual([id, items[id], attempts]);
        expect(failure.error).toBe(this.errors.get(id));
      }
    }
  }
}

/** A source whose every item comes when the scheduler says so. */
async function* scheduled<T>(items: T[], scheduler: fc.Scheduler): AsyncGenerator<T> {
  for (const [n, item] of items.entries()) {
    await scheduler.schedule(Promise.resolve(), `item ${n}`);
    yield item;
  }
}

describe(`${inWords(RUNS)} interleavings of parallel retries`, () => {
  test("of a batch node: each item gets its own attempts and fallback, and its place in the results", async () => {
    await fc.assert(
      fc.asyncProperty(...arbitrary, async (scheduler, items, attempts, concurrency, onError, lazy) => {
        const ledger = new Ledger();
        const rescues = onError === "throw";
        let results: unknown[] = [];
        const batch = Object.assign(new AsyncParallelBatchNode({ attempts, concurrency, onError }), {
          prep: () => (lazy ? scheduled(items, scheduler) : items),
          exec: (item: Item, ctx: Context) => ledger.tried(item, ctx, scheduler),
          post: (_shared: unknown, _items: unknown, list: unknown[]) => void (results = list),
        });
        if (rescues) {
          batch.execFallback = (item: Item, error: unknown, ctx: Context) =>
            ledger.rescued(item, error, ctx, scheduler);
        }
        await scheduler.waitFor(batch.run({}));
        ledger.check(items, attempts, concurrency, results, rescues);
      }),
      { numRuns: RUNS },
    );
  });

  test("of a batch flow: each iteration gets its own walks", async () => {
    await fc.assert(
      fc.asyncProperty(...arbitrary, async (scheduler, items, attempts, concurrency, onError, lazy) => {
        const ledger = new Ledger();
        const rescues = onError === "throw";
        let actions: unknown[] = [];
        const walks = new Map<number, number>();
        const leaf = node({
          exec: (_prepared: unknown, ctx: Context) => {
            const item = ctx.params as Item;
            const walk = walks.get(item.id) ?? 0;
            walks.set(item.id, walk + 1);
            expect(ctx.attempt).toBe(0); // the node is tried once; it is the walk that is repeated
            return ledger.tried(item, { ...ctx, index: ctx.index, attempt: walk }, scheduler);
          },
          post: (_shared: unknown, _prepared, result) => result,
        });
        const flow = Object.assign(new AsyncParallelBatchFlow(leaf, { attempts, concurrency, onError }), {
          prep: () => (lazy ? scheduled(items, scheduler) : items),
          post: (_shared: unknown, _items: unknown, list: unknown[]) => void (actions = list),
        });
        if (rescues) {
          flow.execFallback = (item: Item, error: unknown, ctx: Context) =>
            ledger.rescued(item, error, ctx, scheduler);
        }
        await scheduler.waitFor(flow.run({}));
        ledger.check(items, attempts, concurrency, actions, rescues);
      }),
      { numRuns: RUNS },
    );
  });

  test("with a failure that ends the batch: it is an item's last try, and nothing starts after it", async () => {
    let failed = 0;
    await fc.assert(
      fc.asyncProperty(...arbitrary, async (scheduler, items, attempts, concurrency, _onError, lazy) => {
        const ledger = new Ledger();
        let over = false;
        const batch = Object.assign(new AsyncParallelBatchNode({ attempts, concurrency }), {
          prep: () => (lazy ? scheduled(items, scheduler) : items),
          exec: (item: Item, ctx: Context) => {
            expect(over).toBe(false);
            return ledger.tried(item, ctx, scheduler);
          },
        });
        const outcome = await scheduler.waitFor(
          batch.run({}).then(
            () => undefined,
            (error: Error) => error,
          ),
        );
        over = true;
        const hopeless = items.filter(({ fails }) => fails >= attempts);
        expect(ledger.running.size).toBe(0);
        if (hopeless.length === 0) expect(outcome).toBeUndefined();
        else {
          failed++;
          const guilty = hopeless.find(({ id }) => ledger.errors.get(id) === outcome);
          expect(guilty).toBeDefined();
          expect(ledger.attempts.get(guilty!.id)).toHaveLength(attempts);
          for (const tries of ledger.attempts.values()) expect(tries.length).toBeLessThanOrEqual(attempts);
        }
        await scheduler.waitIdle();
      }),
      { numRuns: RUNS },
    );
    expect(failed).toBeGreaterThan(sized(100, 0));
  });
});
