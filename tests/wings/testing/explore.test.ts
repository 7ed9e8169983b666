// Orders of async work: found from a seed, reported, and seen again.
import { AsyncParallelBatchNode, Flow, node, parallel } from "sluice";
import { type Exploration, explore } from "sluice/testing";
import { describe, expect, test } from "vitest";
import * as deferred from "../../support/deferred.js";
import { inNoTime } from "../../support/in-no-time.js";

const rejection = async (work: Promise<unknown>) => (await deferred.rejection(work)) as Error;

interface Shared {
  total: number;
  log: string[];
}
/** Adds one, in two pieces between which another may come. */
const add = (name: string) =>
  node({
    name,
    prep: ({ total }: Shared) => total,
    exec: async (total) => total + 1,
    post: (shared, _before, total) => {
      shared.total = total;
      shared.log.push(name);
    },
  });

/** Runs three branches and gives the order in which they ended. */
async function ordersOf(options: object): Promise<string[]> {
  const orders: string[] = [];
  await explore(async ({ around }) => {
    const shared: Shared = { total: 0, log: [] };
    await new Flow(parallel([add("a"), add("b"), add("c")])).run(shared, { around });
    orders.push(shared.log.join(""));
  }, options);
  return orders;
}

describe("orders", () => {
  test("are all found, for branches", async () => {
    const orders = await ordersOf({ runs: 60, seed: 7 });
    expect(orders).toHaveLength(60);
    expect([...new Set(orders)].sort()).toEqual(["abc", "acb", "bac", "bca", "cab", "cba"]);
  });

  test("come from the seed", async () => {
    const first = await ordersOf({ runs: 10, seed: 3 });
    expect(await ordersOf({ runs: 10, seed: 3 })).toEqual(first);
    expect(await ordersOf({ runs: 10, seed: 4 })).not.toEqual(first);
  });

  test("are those of items, and of functions that are scheduled", async () => {
    const orders = new Set<string>();
    class Work extends AsyncParallelBatchNode<Shared, number, number> {
      readonly #save: (item: number) => Promise<unknown>;
      constructor(save: (item: number) => Promise<unknown>) {
        super({ concurrency: 2 });
        this.#save = save;
      }
      override prep() {
        return [1, 2, 3];
      }
      override async exec(item: number) {
        await this.#save(item);
        return item;
      }
      override onResult(shared: Shared, item: number) {
        shared.log.push(String(item));
      }
    }
    await explore(
      async ({ around, schedule }) => {
        const shared: Shared = { total: 0, log: [] };
        await new Flow(new Work(schedule(async (item: number) => item))).run(shared, { around });
        orders.add(shared.log.join(""));
      },
      { runs: 50, seed: 1 },
    );
    expect(orders).toContain("123");
    expect(orders).toContain("213");
    expect(orders).toContain("231");
    expect(orders).not.toContain("321"); // the third begins when one of the first two has ended
  });

  test("leave alone what never waits", async () => {
    const sync = node({
      name: "Sync",
      prep: ({ total }: Shared) => total,
      exec: (n) => n + 1,
      post: (shared, _n, n) => void (shared.total = n),
    });
    await explore(
      async ({ around }) => {
        const shared: Shared = { total: 0, log: [] };
        const flow = new Flow(parallel([sync, sync]));
        await inNoTime(() => flow.run(shared, { around })); // no event-loop yield of the engine between
        expect(shared.total).toBe(2);
      },
      { runs: 10 },
    );
  });
});

describe("a failure", () => {
  /** Loses a change where b reads before a writes. */
  const lost = async ({ around }: Exploration) => {
    const shared: Shared = { total: 0, log: [] };
    const first = node({ name: "First", exec: async () => 1 });
    first.next(add("b"));
    await new Flow(parallel([add("a"), new Flow(first)])).run(shared, { around });
    expect(shared.total).toBe(2);
  };

  test("has its seed, its path and its order, and is seen again by them", async () => {
    const error = await rejection(explore(lost, { runs: 50, seed: 5 }));
    expect(error.message).toMatch(/^Run \d+ of 50 failed: AssertionError: expected 1 to be 2/);
    const [, seed, path] =
      /To see it again: explore\(makeRun, \{ seed: (\d+), path: "([\d:]+)" \}\)/.exec(error.message) ?? [];
    expect([seed, (error.cause as Error).message]).toEqual([
      "5",
      expect.stringContaining("expected 1 to be 2"),
    ]);
    const order = error.message.split("In this order:\n")[1];
    expect(order?.split("\n")).toEqual([
      "  Flow / parallel / Flow / First resolved",
      "  Flow / parallel / Flow / b resolved",
      "  Flow / parallel / a resolved",
    ]);
    let runs = 0;
    const again = await rejection(
      explore(
        async (exploration) => {
          runs++;
          await lost(exploration);
        },
        { seed: Number(seed), path: path as string },
      ),
    );
    expect(again.message.split("In this order:\n")[1]).toBe(order);
    expect(runs).toBe(1);
  });

  test("of what rejects has its place in the order too", async () => {
    const fail = node({ name: "Fail", exec: () => Promise.reject(new Error("down")) });
    const error = await rejection(explore(({ around }) => new Flow(fail).run({}, { around }), { runs: 5 }));
    expect(error.message).toContain("Run 1 of 5 failed: Error: down");
    expect(error.message).toContain("  Flow / Fail resolved");
  });

  test("is a run that does not end", async () => {
    const error = await rejection(explore(() => new Promise(() => {}), { timeout: 10 }));
    expect(error.message).toContain("The run has not ended after 10 ms");
  });

  test.each<[unknown, object, string]>([
    [5, {}, "expected `makeRun` to be a function, got 5 (number)"],
    [() => {}, { runs: 0 }, "expected `runs` to be a positive integer, got 0 (number)"],
    [() => {}, { seed: 0.5 }, "expected `seed` to be an integer, got 0.5 (number)"],
    [() => {}, { run: 5 }, "did you mean `runs`?"],
  ])("explore(%s, %j) is refused", async (makeRun, options, message) => {
    expect((await rejection(explore(makeRun as () => void, options))).message).toContain(message);
  });
});
