import { AsyncParallelBatchFlow, AsyncParallelBatchNode, BatchNode, chain, Flow, node } from "sluice";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { codeOf, Started, type Store } from "./support/started.js";

const never = () => new Promise<never>(() => {});
let warnings: [string, { code: string }][] = [];
beforeEach(() => {
  warnings = [];
  vi.spyOn(process, "emitWarning").mockImplementation(((text: string, options: { code: string }) => {
    warnings.push([text, options]);
  }) as never);
});
afterEach(() => vi.restoreAllMocks());
const codes = () => warnings.map(([, { code }]) => code);

/** A flow of one batch, whose items can be changed between starts. */
function batchOf(
  items: () => unknown,
  exec: (item: never) => unknown,
  options: object = {},
  onResult?: (shared: Store, result: unknown, item: unknown) => void,
) {
  const made = new AsyncParallelBatchNode<Store, unknown, unknown>({ name: "Items", ...options } as never);
  Object.assign(
    made,
    {
      prep: items,
      exec,
      post: (shared: Store, _items: unknown, results: unknown[]) => void (shared.results = results),
    },
    onResult && { onResult },
  );
  return new Flow<Store>(made as never, { name: "Main" });
}
const generator = function* (list: readonly unknown[]) {
  yield* list;
};

describe("what prep returned", () => {
  test("is kept, so that a prep which takes from a queue is called once", async () => {
    const started = new Started();
    let preps = 0;
    let isBroken = true;
    const flow = () =>
      new Flow<Store>(
        node({
          name: "Take",
          prep: (shared: Store) => {
            preps++;
            return shared.queue.shift() as number;
          },
          exec: (job) => {
            if (isBroken) throw new Error("down");
            return job * 10;
          },
          post: (shared, job, result) => void shared.done.push([job, result]),
        }) as never,
        { name: "Main" },
      );
    await started.failure(flow(), { queue: [1, 2], done: [] });
    isBroken = false;
    const { store } = await started.run(flow());
    expect(store).toEqual({ queue: [2], done: [[1, 10]] });
    expect(preps).toBe(1);
  });

  test("is kept by reference where it is a value of the store", async () => {
    const started = new Started();
    let isBroken = true;
    const flow = () =>
      new Flow<Store>(
        node({
          name: "Push",
          prep: (shared: Store) => shared.list as string[],
          exec: () => {
            if (isBroken) throw new Error("down");
          },
          post: (shared, list) => {
            list.push("x");
            shared.isSame = list === shared.list && shared.list === shared.other;
          },
        }) as never,
      );
    const list = ["a"];
    await started.failure(flow(), { list, other: list });
    isBroken = false;
    const { store } = await started.run(flow());
    expect(store).toEqual({ list: ["a", "x"], other: ["a", "x"], isSame: true });
  });

  test("is got anew from prep where it cannot be kept, and steps that need it are not required of the store twice", async () => {
    const started = new Started();
    let preps = 0;
    let isBroken = true;
    const flow = () =>
      new Flow<Store>(
        node({
          name: "Open",
          requires: ["path"],
          prep: (shared: Store) => {
            preps++;
            return { path: shared.path, close: () => {} };
          },
          exec: ({ path }) => {
            if (isBroken) throw new Error("down");
            return path;
          },
          post: (shared, _open, path) => void (shared.read = path),
        }) as never,
      );
    await started.failure(flow(), { path: "a.txt" });
    isBroken = false;
    expect((await started.run(flow())).store).toEqual({ path: "a.txt", read: "a.txt" });
    expect(preps).toBe(2);
  });
});

describe("an item", () => {
  test("is its index if the array is kept, which distinguishes equal items", async () => {
    const started = new Started();
    const calls: string[] = [];
    let left = 3;
    const flow = () =>
      batchOf(
        () => ["a", "a", "b", "a"],
        ((item: string) => {
          if (left-- === 0) throw new Error("down");
          calls.push(item);
          return `${item}${calls.length}`;
        }) as never,
        { concurrency: 1 },
      );
    await started.failure(flow());
    const { store } = await started.run(flow());
    expect(store.results).toEqual(["a1", "a2", "b3", "a4"]);
  });

  test("is found by its hash, whatever the order, where the items cannot be kept", async () => {
    const started = new Started();
    const calls: string[] = [];
    const delivered: unknown[] = [];
    let order = [
      { id: 1, tag: "x" },
      { id: 2, tag: "x" },
      { id: 2, tag: "x" },
      { id: 3, tag: "y" },
    ] as object[];
    let mayEnd = 2;
    const flow = () =>
      batchOf(
        () => generator(order),
        (async (item: { id: number }) => {
          if (mayEnd-- <= 0) return never();
          calls.push(`${item.id}`);
          return item.id;
        }) as never,
        { concurrency: 1 },
        (shared, result) => {
          delivered.push(result);
          shared.sum = (shared.sum ?? 0) + (result as number);
        },
      );
    void started.run(flow());
    await started.killAt("result", 2);
    order = [{ tag: "x", id: 2 }, { id: 4 }, { tag: "y", id: 3 }, { tag: "x", id: 2 }, { tag: "x", id: 1 }];
    mayEnd = 100;
    const { store } = await started.run(flow());
    expect(calls.sort()).toEqual(["1", "2", "2", "3", "4"]);
    expect(store.sum).toBe(1 + 2 + 2 + 3 + 4);
  });

  test("is found by its itemKey, and two with one key are an error", async () => {
    const started = new Started();
    const calls: number[] = [];
    let isBroken = true;
    let version = 1;
    const flow = (ids: number[]) =>
      batchOf(
        () => generator(ids.map((id) => ({ id, version }))),
        (({ id }: { id: number }) => {
          if (isBroken && id === 2) throw new Error("down");
          calls.push(id);
          return id;
        }) as never,
        { concurrency: 1, itemKey: ({ id }: { id: number }) => id },
      );
    await started.failure(flow([1, 2]));
    isBroken = false;
    version = 2;
    expect((await started.run(flow([2, 1]))).store.results).toEqual([2, 1]);
    expect(calls).toEqual([1, 2]);
    expect(codeOf(await new Started().failure(flow([7, 7])))).toBe("DUPLICATE_KEY");
  });

  test("that cannot be hashed is not remembered, and warns once for its node", async () => {
    const started = new Started();
    let calls = 0;
    let isBroken = true;
    class Row {
      readonly #n = 1;
      get n() {
        return this.#n;
      }
    }
    const flow = () =>
      batchOf(
        () => generator([new Row(), new Row(), new Row()]),
        (() => {
          if (++calls === 3 && isBroken) throw new Error("down");
          return calls;
        }) as never,
        { concurrency: 1 },
      );
    await started.failure(flow());
    isBroken = false;
    await started.run(flow());
    expect(calls).toBe(6);
    expect(codes().filter((code) => code === "SLUICE_NOT_REMEMBERED")).toHaveLength(2); // one for each process
  });

  test("keeps its idempotencyKey over resumes in another order", async () => {
    const started = new Started();
    const keys = new Map<string, Set<string>>();
    let order = ["a", "b", "c"];
    let isBroken = true;
    const make = () => {
      const made = new AsyncParallelBatchNode<Store, string, string>({ name: "Pay", concurrency: 1 });
      made.prep = () => generator(order) as never;
      made.exec = async (item, ctx) => {
        keys.set(item, (keys.get(item) ?? new Set()).add(ctx.idempotencyKey));
        if (isBroken && item === "b") throw new Error("down");
        return item;
      };
      return new Flow<Store>(made);
    };
    await started.failure(make());
    isBroken = false;
    order = ["c", "b", "a"];
    await started.run(make());
    expect([...keys.values()].map((each) => each.size)).toEqual([1, 1, 1]);
    expect(new Set([...keys.values()].map(([key]) => key)).size).toBe(3);
  });
});

describe("a result", () => {
  test("of a fallback is one; a failure is tried again with fresh attempts", async () => {
    const started = new Started();
    const attempts: string[] = [];
    let isBroken = true;
    const rescued = node({
      name: "Rescued",
      attempts: 2,
      exec: async (_none: undefined, { attempt }) => {
        attempts.push(`rescued ${attempt}`);
        throw new Error("always");
      },
      execFallback: () => "instead",
      post: (shared: Store, _none, result) => void (shared.rescued = result),
    });
    const broken = node({
      name: "Broken",
      attempts: 2,
      exec: async (_none: undefined, { attempt }) => {
        attempts.push(`broken ${attempt}`);
        if (isBroken) throw new Error("down");
      },
    });
    const flow = () => new Flow<Store>(chain(rescued as never, broken as never));
    await started.failure(flow());
    isBroken = false;
    expect((await started.run(flow())).store).toEqual({ rescued: "instead" });
    expect(attempts).toEqual(["rescued 0", "rescued 1", "broken 0", "broken 1", "broken 0"]);
  });

  test("of a flow's fallback is kept too", async () => {
    const started = new Started();
    let walks = 0;
    let isBroken = true;
    class Inner extends Flow<Store> {
      override execFallback() {
        return "fallen";
      }
      override async post(shared: Store, _none: unknown, action: string) {
        shared.action = action;
        if (isBroken) await never();
        return "end";
      }
    }
    const inside = node({
      name: "Inside",
      exec: async () => {
        walks++;
        await new Promise((resolve) => setTimeout(resolve, 20)); // so that a checkpoint may be taken
        throw new Error("no");
      },
    });
    const flow = () => new Flow<Store>(new Inner(inside, { name: "Inner" }) as never, { name: "Main" });
    void started.run(flow());
    await started.killWhen(({ kind, key }) => kind === "result" && key === "Main/Inner");
    isBroken = false;
    expect((await started.run(flow())).store).toEqual({ action: "fallen" });
    expect(walks).toBe(1);
  });

  test("that cannot be written is used, not kept, and warns once", async () => {
    const started = new Started();
    let calls = 0;
    let isBroken = true;
    const flow = () =>
      batchOf(
        () => [1, 2, 3],
        ((n: number) => {
          calls++;
          if (isBroken && n === 3) throw new Error("down");
          return { n, half: () => n / 2 };
        }) as never,
        { concurrency: 1 },
        (shared, result) => void (shared.sum = (shared.sum ?? 0) + (result as { half(): number }).half()),
      );
    await started.failure(flow());
    isBroken = false;
    expect((await started.run(flow())).store).toMatchObject({ sum: 3 });
    expect(calls).toBe(4); // those that were delivered are not made again
    expect(codes().filter((code) => code === "SLUICE_NOT_REMEMBERED")).toHaveLength(2);
  });

  test("that failed is final once onResult has taken it, and counts for maxFailures", async () => {
    const started = new Started();
    const calls: number[] = [];
    let stop = true;
    const flow = (maxFailures?: number) =>
      batchOf(
        () => [1, 2, 3],
        (async (n: number) => {
          calls.push(n);
          if (n === 3 && stop) return never();
          if (n !== 2) throw new Error(`no ${n}`);
          return n;
        }) as never,
        { concurrency: 1, onError: "collect", ...(maxFailures === undefined ? {} : { maxFailures }) },
        (shared, result) =>
          void (shared.list ??= []).push((result as { error?: Error }).error?.message ?? result),
      );
    void started.run(flow(1));
    await started.killWhen(({ kind, value }) => kind === "batch" && value.includes('"done":[0,2]'));
    stop = false;
    expect(codeOf(await started.failure(flow(1)))).toBe("TOO_MANY_FAILURES");
    expect((await started.run(flow(2))).store.list).toEqual(["no 1", 2, "no 3"]);
    expect(calls.filter((n) => n === 1)).toHaveLength(1);
  });

  test("of an iteration that was joined is in the list that post gets", async () => {
    const started = new Started();
    let isBroken = true;
    class Each extends AsyncParallelBatchFlow<Store, { n: number }> {
      override prep() {
        return [{ n: 0 }, { n: 1 }, { n: 2 }];
      }
      override fork(_shared: Store, { n }: { n: number }) {
        return { n };
      }
      override join(shared: Store, { n }: { n: number }) {
        (shared.joined ??= []).push(n);
      }
      override post(shared: Store, _params: unknown, actions: unknown[]) {
        shared.actions = actions;
        return undefined;
      }
    }
    const inside = node({
      name: "Inside",
      prep: (shared: Store) => shared.n as number,
      exec: (n) => {
        if (isBroken && n === 2) throw new Error("down");
        return n;
      },
      post: (_shared, n) => (n === 1 ? undefined : `end ${n}`),
    });
    const flow = () => new Flow<Store>(new Each(inside as never, { name: "Each", concurrency: 1 }));
    await started.failure(flow());
    isBroken = false;
    const { store } = await started.run(flow());
    expect(store).toEqual({ joined: [0, 1, 2], actions: ["end 0", undefined, "end 2"] });
  });
});

describe("atMostOnce", () => {
  const pay = (calls: string[], isStuck: () => boolean) =>
    node({
      name: "Pay",
      atMostOnce: true,
      exec: async () => {
        calls.push("exec");
        return isStuck() ? never() : "paid";
      },
      execFallback: (_none: undefined, error) => {
        if (codeOf(error) !== "INTERRUPTED") throw error;
        return "unknown";
      },
      post: (shared: Store, _none, result) => void (shared.result = result),
    });

  test("is never called again where it may have been done", async () => {
    const started = new Started();
    const calls: string[] = [];
    let isStuck = true;
    const flow = () => new Flow<Store>(pay(calls, () => isStuck) as never);
    void started.run(flow());
    await started.killAt("once");
    isStuck = false;
    expect((await started.run(flow())).store).toEqual({ result: "unknown" });
    expect(calls).toEqual(["exec"]);
    expect((await new Started().run(flow())).store).toEqual({ result: "paid" });
  });

  test("finds its items by their key, whatever their order", async () => {
    const started = new Started();
    const calls: string[] = [];
    const interrupted: string[] = [];
    let ids = ["a", "b"];
    let isStuck = true;
    class PayAll extends BatchNode<Store, string, string> {
      override *prep() {
        yield* ids;
      }
      override async exec(id: string): Promise<string> {
        calls.push(id);
        return isStuck ? never() : id;
      }
      override execFallback(id: string, error: unknown) {
        if (codeOf(error) !== "INTERRUPTED") throw error;
        interrupted.push(id);
        return `${id}?`;
      }
      override post(shared: Store, _items: unknown, results: string[]) {
        shared.results = results;
        return undefined;
      }
    }
    const flow = () =>
      new Flow<Store>(new PayAll({ atMostOnce: true, itemKey: (id: string) => id } as never));
    void started.run(flow());
    await started.killAt("once");
    isStuck = false;
    ids = ["b", "a"];
    expect((await started.run(flow())).store.results).toEqual(["b", "a?"]);
    expect(interrupted).toEqual(["a"]);
    expect(calls).toEqual(["a", "b"]);
  });
});
