// What every batch promises, of nodes or of flows, one by one or in parallel: each class of them calls this.
import { type BaseNode, type Context, Flow, type ItemFailure, isFailure, locate } from "sluice";
import { describe, expect, test, vi } from "vitest";
import { deferred, rejection, turn } from "./deferred.js";

/** An item of a batch node, or the params of a batch flow's iteration. */
export interface Item {
  readonly n: number;
  readonly [key: string]: unknown;
}
/** What is done with an item; it gives an action, which is the result in both kinds of batches. */
export type Work = (item: Item, ctx: Context) => string | Promise<string>;

/** The hooks that the contract sets. */
interface Hooks {
  prep?: () => unknown;
  post?: (...args: never[]) => unknown;
  execFallback?: (item: Item, error: unknown, ctx: Context) => unknown;
  onResult?: (shared: object, result: unknown, item: Item, ctx: Context) => unknown;
}
type Options = { onError?: "collect"; attempts?: number };

/** @param make - Makes a batch of the class that does the work with each item. */
export function batchContract(name: string, make: (work: Work, options?: Options) => BaseNode<object>): void {
  const batch = (hooks: Hooks, work: Work = ({ n }) => `done ${n}`, options?: Options) =>
    Object.assign(make(work, options), hooks) as BaseNode<object>;
  const items = (count: number): Item[] => Array.from({ length: count }, (_, n) => ({ n }));
  const results = (post: ReturnType<typeof vi.fn>) => post.mock.calls[0]?.[2] as unknown[];

  describe(`${name}, as every batch`, () => {
    test("hands post the store, what prep returned, and the results in input order, once", async () => {
      const given = items(5);
      const shared = {};
      const post = vi.fn(() => "mine");
      const work: Work = async ({ n }) => {
        for (let turns = n; turns < 5; turns++) await turn(); // the last ends first, where they are parallel
        return `done ${n}`;
      };
      expect(await batch({ prep: () => given, post }, work).run(shared)).toBe("mine");
      expect(post.mock.calls.map((args: unknown[]) => args.slice(0, 3))).toEqual([
        [shared, given, ["done 0", "done 1", "done 2", "done 3", "done 4"]],
      ]);
    });

    test.each<[string, () => unknown]>([
      ["an array", () => items(2)],
      ["a promise of a set", async () => new Set(items(2))],
      [
        "a generator",
        function* () {
          yield* items(2);
        },
      ],
      [
        "an async generator",
        async function* () {
          yield* items(2);
        },
      ],
    ])("takes %s of items", async (_what, prep) => {
      const post = vi.fn();
      await batch({ prep, post }).run({});
      expect(results(post)).toEqual(["done 0", "done 1"]);
    });

    test.each([[[]], [null], [undefined]])(
      "with %o for items does no work and calls post",
      async (nothing) => {
        const post = vi.fn();
        const work = vi.fn();
        await batch({ prep: () => nothing, post }, work).run({});
        expect(post.mock.calls.map((args) => args.slice(1, 3))).toEqual([[nothing, []]]);
        expect(work).not.toHaveBeenCalled();
      },
    );

    test.each(["text", 3, {}])("refuses %o for items before any work", async (wrong) => {
      const work = vi.fn();
      expect(await rejection(batch({ prep: () => wrong }, work).run({}))).toMatchObject({
        code: "NOT_ITERABLE",
      });
      expect(work).not.toHaveBeenCalled();
    });

    test("throws the first failure as it is, with its place, and calls no post", async () => {
      const error = new Error("of 1");
      const post = vi.fn();
      const work: Work = async ({ n }) => {
        if (n === 1) throw error;
        return "fine";
      };
      expect(await rejection(new Flow(batch({ prep: () => items(3), post }, work)).run({}))).toBe(error);
      expect(locate(error)).toMatchObject({ item: 1, attempt: 0 });
      expect(post).not.toHaveBeenCalled();
    });

    test("tries each item by itself, as often as attempts says", async () => {
      const tries = [0, 0, 0];
      const post = vi.fn();
      const work: Work = ({ n }) => {
        if (++tries[n]! <= n) throw new Error("again");
        return `done ${n}`;
      };
      await batch({ prep: () => items(3), post }, work, { attempts: 3 }).run({});
      expect(tries).toEqual([1, 2, 3]);
      expect(results(post)).toEqual(["done 0", "done 1", "done 2"]);
    });

    test("lets the fallback stand in for an item that has no attempt left, with its last error", async () => {
      const post = vi.fn();
      const work: Work = ({ n }) => {
        if (n === 1) throw `bad ${n}`;
        return "fine";
      };
      const execFallback = ({ n }: Item, error: unknown) => `${error}, so a rescue of ${n}`;
      await batch({ prep: () => items(3), post, execFallback }, work, { attempts: 2 }).run({});
      expect(results(post)).toEqual(["fine", "bad 1, so a rescue of 1", "fine"]);
    });

    test("collects failures in their places beside results, also if all have failed", async () => {
      for (const failing of [[1], [0, 1, 2]]) {
        const post = vi.fn();
        const given = items(3);
        const work: Work = async ({ n }) => {
          if (failing.includes(n)) throw `bad ${n}`;
          return "fine";
        };
        await batch({ prep: () => given, post }, work, { onError: "collect", attempts: 2 }).run({});
        expect(results(post).map(isFailure)).toEqual(given.map(({ n }) => failing.includes(n)));
        const failures = results(post).filter((result): result is ItemFailure => isFailure(result));
        expect(
          failures.map(({ index, item, error, attempts }) => ({ index, item, error, attempts })),
        ).toEqual(failing.map((n) => ({ index: n, item: given[n], error: `bad ${n}`, attempts: 2 })));
      }
    });

    test("hands onResult each result with its item, one at a time, and keeps no list", async () => {
      const taken: unknown[] = [];
      const shared = {};
      const post = vi.fn();
      let busy = 0;
      const onResult = async (store: object, result: unknown, { n }: Item, { index }: Context) => {
        expect(++busy).toBe(1);
        await turn();
        expect(store).toBe(shared);
        taken.push([result, n, index]);
        busy--;
      };
      await batch({ prep: () => items(4), post, onResult }).run(shared);
      expect(taken).toHaveLength(4);
      expect(taken).toEqual(expect.arrayContaining(items(4).map(({ n }) => [`done ${n}`, n, n])));
      expect(results(post)).toEqual([]);
    });

    test("rejects with the reason of an abort, starts no further item and calls no post", async () => {
      const controller = new AbortController();
      const reason = new Error("enough");
      const started: number[] = [];
      const post = vi.fn();
      const begun = deferred();
      const work: Work = async ({ n }, { signal }) => {
        started.push(n);
        begun.resolve();
        await new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason)),
        );
        return "never";
      };
      const hooks = { prep: () => items(100), post };
      const run = batch(hooks, work, { onError: "collect", attempts: 3 }).run(
        {},
        { signal: controller.signal },
      );
      await begun.promise;
      await turn();
      const before = [...started];
      controller.abort(reason);
      expect(await rejection(run)).toBe(reason);
      await turn();
      expect(started).toEqual(before);
      expect(started.length).toBeLessThan(100);
      expect(post).not.toHaveBeenCalled();
    });
  });
}
