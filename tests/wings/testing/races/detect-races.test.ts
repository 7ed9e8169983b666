// Ten flows with a race, each in another form, and twelve without, of the shapes that recipes have.
import { setTimeout as sleep } from "node:timers/promises";
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  type BaseNode,
  BatchFlow,
  type Context,
  chain,
  Flow,
  Gate,
  node,
  parallel,
  type RunOptions,
} from "sluice";
import { detectRaces } from "sluice/testing";
import { describe, expect, test } from "vitest";
import { inNoTime } from "../../../support/in-no-time.js";

// biome-ignore lint/suspicious/noExplicitAny: stores of many shapes
type Any = any;
const wait = () => sleep(1);

/** Runs a flow on a store that finds races, and gives each as "key: node kind, node kind". */
async function racesOf(flow: BaseNode<Any>, store: object, options: RunOptions = {}): Promise<string[]> {
  const { shared, around, races, check } = detectRaces(store);
  await flow.run(shared, { ...options, around });
  const found = races();
  if (found.length > 0) expect(check).toThrow(found[0]?.message);
  else check();
  return found.map(
    ({ key, sides }) =>
      `${key}: ${sides
        .map(({ node, kind }) => `${node} ${kind}`)
        .sort()
        .join(", ")}`,
  );
}

/** A node whose prep reads, whose exec waits, and whose post writes. */
const leaf = (
  name: string,
  prep: (shared: Any, ctx: Context) => unknown,
  post: (shared: Any, value: Any, ctx: Context) => unknown,
) =>
  node({
    name,
    prep: (shared: Any, ctx) => prep(shared, ctx) as Any,
    exec: async (value) => {
      await wait();
      return value;
    },
    post: (shared, _prepared, value, ctx) => void post(shared, value, ctx),
  });
const none = () => {};

class Items extends AsyncParallelBatchNode<Any, number, number> {
  override prep() {
    return [1, 2, 3];
  }
  override async exec(item: number) {
    await sleep(item);
    return item;
  }
}

/** Walks an inner node for each of some params. */
const iterations = (inner: BaseNode<Any>, count: number, hooks: object = {}) =>
  Object.assign(
    new (class Each extends AsyncParallelBatchFlow<Any, { id: number }> {
      override prep() {
        return Array.from({ length: count }, (_, id) => ({ id }));
      }
    })(inner, { concurrency: 2 }),
    hooks,
  );

describe("a race is found where", () => {
  test("two branches write what both have read", async () => {
    const add = (name: string) =>
      leaf(
        name,
        ({ total }) => total,
        (shared, total) => (shared.total = total + 1),
      );
    expect(await racesOf(new Flow(parallel([add("A"), add("B")])), { total: 0 })).toEqual([
      "total: A write, B write",
    ]);
  });

  test("a branch reads late what another writes", async () => {
    const late = chain(
      leaf("First", none, none),
      leaf("Reader", ({ text }) => text, none),
    );
    const writer = leaf("Writer", none, (shared) => (shared.text = "new"));
    expect(await racesOf(new Flow(parallel([new Flow(late), writer])), { text: "old" })).toEqual([
      "text: Reader read, Writer write",
    ]);
  });

  test("two branches of several steps write one key", async () => {
    const walk = (name: string) =>
      new Flow(
        chain(
          leaf(`${name}1`, none, none),
          leaf(name, none, (shared) => (shared.last = name)),
        ),
      );
    expect(await racesOf(new Flow(parallel([walk("A"), walk("B")])), {})).toEqual(["last: A write, B write"]);
  });

  test("iterations without fork hand something on through one key", async () => {
    const inner = chain(
      leaf("Load", none, (shared, _value, { params }) => (shared.current = params.id)),
      leaf("Use", ({ current }) => current, none),
    );
    expect(await racesOf(iterations(inner, 3), {})).toEqual([
      "current: Load write, Load write",
      "current: Load write, Use read",
    ]);
  });

  test("iterations read a list that others make longer", async () => {
    const inner = leaf(
      "Note",
      ({ notes }) => notes.join(),
      ({ notes }, text) => void notes.push(text),
    );
    expect(await racesOf(iterations(inner, 5), { notes: [] })).toContain("notes: Note read, Note update");
  });

  test("a fork copies only the outermost object", async () => {
    const inner = leaf(
      "Count",
      ({ totals }) => totals.count,
      (shared, count) => (shared.totals.count = count + 1),
    );
    const flow = iterations(inner, 3, { fork: (shared: object) => ({ ...shared }) });
    expect(await racesOf(flow, { totals: { count: 0 } })).toContain("totals.count: Count write, Count write");
  });

  test("onResult changes what a parallel branch reads", async () => {
    const batch = Object.assign(new Items(), {
      onResult: (shared: Any, value: number) => (shared.sum += value),
    });
    const late = new Flow(
      chain(
        leaf("First", none, none),
        leaf("Report", ({ sum }) => sum, none),
      ),
    );
    expect(await racesOf(new Flow(parallel([batch, late])), { sum: 0 })).toEqual([
      "sum: Items update, Report read",
    ]);
  });

  test("the onResult of two batches write one key with a wait between", async () => {
    const make = (name: string) =>
      Object.assign(new Items({ name }), {
        onResult: async (shared: Any, value: number) => {
          const before = shared.sum;
          await wait();
          shared.sum = before + value;
        },
      });
    expect(await racesOf(new Flow(parallel([make("A"), make("B")])), { sum: 0 })).toContain(
      "sum: A write, B write",
    );
  });

  test("join writes what iterations under way read", async () => {
    const inner = chain(
      leaf("First", none, none),
      leaf("Read", ({ all }) => all.best, none),
    );
    const flow = iterations(inner, 4, {
      fork: (shared: Any, params: object) => ({ all: shared.all, ...params }),
      join: (shared: Any, { id }: { id: number }) => (shared.all.best = id),
    });
    expect(await racesOf(new Flow(flow), { all: { best: 0 } })).toEqual(["all.best: Each write, Read read"]);
  });

  test("two runs at once write one key of a store", async () => {
    const { shared, around, races } = detectRaces<Any>({});
    const flow = new Flow(leaf("Set", none, (store) => (store.run = 1)));
    await Promise.all([flow.run(shared, { around }), flow.run(shared, { around })]);
    expect(races().map(({ key }) => key)).toEqual(["run"]);
  });

  test("a branch looks late for what another adds", async () => {
    const late = new Flow(
      chain(
        leaf("First", none, none),
        leaf("Look", ({ seen }) => seen.has("x"), none),
      ),
    );
    const add = leaf("Add", none, ({ seen }) => seen.add("x"));
    expect(await racesOf(new Flow(parallel([late, add])), { seen: new Set() })).toEqual([
      "seen.x: Add update, Look read",
    ]);
  });

  test("branches use a Map, a Set or an array in it at the same key", async () => {
    const writes = (name: string) =>
      leaf(name, none, ({ map, set, grid }) => {
        map.set("same", name);
        set.add("same");
        grid[0][1] = name;
      });
    const flow = new Flow(parallel([writes("A"), writes("B")]));
    expect(await racesOf(flow, { map: new Map(), set: new Set(), grid: [[0, 0]] })).toEqual([
      "map.same: A write, B write",
      "grid.0.1: A write, B write",
    ]);
  });
});

test("a race names both nodes with their paths, the key and what to do", async () => {
  const { shared, around, races } = detectRaces<Any>({});
  const inner = leaf("Set", none, (store) => (store.last = 1));
  await new Flow(iterations(inner, 2), { name: "Main" }).run(shared, { around });
  const [race] = races();
  expect(race).toMatchObject({
    key: "last",
    sides: [
      { node: "Set", path: ["Main", "Each", 0, "Set"], index: 0, kind: "write" },
      { node: "Set", path: ["Main", "Each", 1, "Set"], index: 1, kind: "write" },
    ],
  });
  expect(race?.message).toBe(
    'Race for the key "last": "Set" (Main / Each / 0 / Set, index 0) writes it while "Set" (Main / Each / 1 / Set, index 1) writes it; ' +
      "give each its own key or store, change the value with no wait in between, or run one after the other.",
  );
});

describe("no race is where", () => {
  test("steps follow each other, in loops too", async () => {
    const again = node({
      name: "Again",
      prep: ({ count }: Any) => count,
      exec: async (count: number) => {
        await wait();
        return count + 1;
      },
      post: (shared: Any, _count, next) => {
        shared.count = next;
        return next < 3 ? "again" : "done";
      },
    });
    again.on("again", again);
    again.end("done");
    expect(await racesOf(new Flow(again), { count: 0 })).toEqual([]);
  });

  test("branches write keys of their own, and a node after them reads all", async () => {
    const part = (key: string) =>
      leaf(
        key,
        ({ text }) => text,
        (shared, text) => (shared[key] = text),
      );
    const flow = new Flow(
      chain(
        leaf("Begin", none, (shared) => (shared.text = "x")),
        parallel([part("a"), part("b")]),
        leaf("End", (shared) => ({ ...shared, sum: shared.a + shared.b }), none),
      ),
    );
    expect(await racesOf(flow, {})).toEqual([]);
  });

  test("branches add to a list, a count, a map or an object with no wait in between", async () => {
    const adds = (name: string) =>
      leaf(name, none, (shared) => {
        shared.count++;
        shared.list.push(name);
        (shared.late ??= []).push(name);
        shared.byName[name] = true;
        (shared.seen ??= new Map()).set(name, 1);
        shared.names.add(name);
        shared.total = shared.total + shared.list.length;
      });
    const flow = new Flow(parallel([adds("A"), adds("B"), adds("C")]));
    expect(await racesOf(flow, { count: 0, total: 0, list: [], byName: {}, names: new Set() })).toEqual([]);
  });

  test("branches look for a member and add it with no wait in between", async () => {
    const claims = (...ids: number[]) =>
      leaf("Claim", none, ({ claimed, byId }) => {
        for (const id of ids) {
          if (!claimed.has(id) && claimed.size < 3) claimed.add(id);
          if (!(id in byId)) byId[id] = id;
        }
      });
    const flow = new Flow(parallel([claims(1, 2), claims(2, 3), claims(3, 1)]));
    expect(await racesOf(flow, { claimed: new Set(), byId: {} })).toEqual([]);
  });

  test("branches read in their first prep what others write after a wait", async () => {
    const speak = (name: string) =>
      leaf(
        name,
        ({ said }) => said.join(),
        ({ said }) => void said.push(name),
      );
    const round = parallel([speak("For"), speak("Against")]);
    const judge = node({
      name: "Judge",
      prep: ({ said }: Any) => said.length,
      exec: async (n) => n,
      post: (_shared: Any, _n, n) => (n < 6 ? "again" : "end"),
    });
    round.next(judge);
    judge.branch({ again: round, end: null });
    expect(await racesOf(new Flow(round), { said: [] })).toEqual([]);
  });

  test("an item of a batch writes what onResult and post take together", async () => {
    const batch = Object.assign(new Items(), {
      onResult: async (shared: Any, value: number) => {
        const { sum } = shared;
        await wait();
        shared.sum = sum + value;
      },
      post: (shared: Any) => void (shared.done = shared.sum),
    });
    expect(await racesOf(new Flow(batch), { sum: 0 })).toEqual([]);
  });

  test("iterations have a store of their own, and join puts them together", async () => {
    const inner = chain(
      leaf("Load", none, (shared, _value, { params }) => (shared.current = params.id)),
      leaf(
        "Use",
        ({ current }) => current,
        (shared, value) => (shared.result = value),
      ),
    );
    const flow = iterations(inner, 5, {
      fork: (shared: object) => ({ ...shared }),
      join: (shared: Any, _params: object, local: Any) => {
        shared.sum += local.result;
        shared.results.push(local.result);
      },
    });
    expect(await racesOf(new Flow(flow), { sum: 0, results: [] })).toEqual([]);
  });

  test("iterations write by the id in their params", async () => {
    const inner = leaf(
      "Write",
      ({ texts }, { params }) => texts[(params as Any).id],
      (shared, text, { params }) => {
        shared.results[(params as Any).id] = text;
        shared.byId.set((params as Any).id, text);
      },
    );
    expect(
      await racesOf(new Flow(iterations(inner, 4)), {
        texts: ["a", "b", "c", "d"],
        results: [],
        byId: new Map(),
      }),
    ).toEqual([]);
  });

  test("iterations run one by one", async () => {
    class OneByOne extends BatchFlow<Any, { id: number }> {
      override prep() {
        return [{ id: 1 }, { id: 2 }];
      }
    }
    const inner = leaf(
      "Step",
      ({ last }) => last,
      (shared, _value, { params }) => (shared.last = params.id),
    );
    expect(await racesOf(new Flow(new OneByOne(inner)), {})).toEqual([]);
  });

  test("nothing waits, so nothing mixes", async () => {
    const sync = (name: string) =>
      node({
        name,
        prep: ({ total }: Any) => total,
        exec: (total: number) => total + 1,
        post: (shared: Any, _total, next) => void (shared.total = next),
      });
    const store = { total: 0 };
    const flow = new Flow(parallel([sync("A"), sync("B")]));
    expect(await inNoTime(() => racesOf(flow, store))).toEqual([]); // no event-loop yield of the engine between
    expect(store.total).toBe(2);
  });

  test("calls wait at a gate or are tried again", async () => {
    const gate = new Gate({ concurrency: 1 });
    let failures = 0;
    class Tried extends AsyncParallelBatchNode<Any, number, number> {
      override prep({ items }: Any) {
        return items as number[];
      }
      override async exec(item: number) {
        await wait();
        if (failures++ < 2) throw new Error("again");
        return item;
      }
      override post(shared: Any, _items: unknown, results: number[]) {
        shared.results = results;
      }
    }
    const last = leaf(
      "Last",
      ({ results }) => results,
      (shared) => (shared.items = []),
    );
    expect(
      await racesOf(new Flow(chain(new Tried({ gate, attempts: 4, backoff: 0 }), last)), {
        items: [1, 2, 3],
      }),
    ).toEqual([]);
  });

  test("runs follow each other on one store", async () => {
    const { shared, around, races } = detectRaces<Any>({});
    const flow = new Flow(
      leaf(
        "Set",
        ({ run }) => run,
        (store) => (store.run = 1),
      ),
    );
    await flow.run(shared, { around });
    await flow.run(shared, { around });
    shared.run = 2;
    expect(races()).toEqual([]);
  });
});

describe("the store", () => {
  test("does what the one behind it does, and keeps no proxies in it", async () => {
    class Money {
      #cents = 5;
      get cents() {
        return this.#cents;
      }
    }
    const fixed = Object.freeze({ list: [1] });
    const plain = {
      money: new Money(),
      when: new Date(0),
      fixed,
      list: [{ a: 1 }],
      map: new Map([["k", { b: 2 }]]),
      set: new Set([1]),
    };
    const { shared } = detectRaces<Any>(plain);
    expect([shared.money.cents, shared.when.getTime(), shared.fixed.list[0]]).toEqual([5, 0, 1]);
    expect(shared.list).toBe(shared.list);
    shared.first = shared.list[0];
    shared.map.set("list", shared.list);
    expect((plain as Any).first).toBe(plain.list[0]);
    expect(plain.map.get("list")).toBe(plain.list);
    expect(shared.map.set("x", 1).get("k")).toEqual({ b: 2 });
    expect([...shared.map.keys()]).toEqual(["k", "list", "x"]);
    expect([shared.set.has(1), shared.set.size, [...shared.set]]).toEqual([true, 1, [1]]);
    expect(JSON.stringify(shared.list)).toBe('[{"a":1}]');
    expect("list" in shared && !("none" in shared)).toBe(true);
    delete shared.first;
    expect(Object.keys(plain)).toEqual(["money", "when", "fixed", "list", "map", "set"]);
    expect(Array.isArray(shared.list)).toBe(true);
    Object.defineProperty(plain, "still", { value: { a: 1 } });
    expect(shared.still).toBe((plain as Any).still);
  });

  test("must be an object", () => {
    expect(() => detectRaces("text" as never)).toThrow(
      "detectRaces(): expected `shared` to be the store, an object",
    );
  });
});
