import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  BatchFlow,
  type Context,
  Flow,
  node,
  parallel,
} from "sluice";
import { describe, expect, test } from "vitest";
import { watchers } from "../support/watchers.js";

/** Names of hooks by the key that they saw. */
type Keys = { keys: string[] };

const noting = (name: string, action?: (visits: number) => string | undefined) => {
  let visits = 0;
  return node({
    name,
    exec: (_: undefined, ctx: Context) => ctx.key,
    post: (shared: Keys, _: undefined, key) => {
      shared.keys.push(key);
      return action?.(++visits);
    },
  });
};

describe.each(Object.entries(watchers))("keys of sites, watched by %s", (_name, run) => {
  const keysOf = async (flow: Flow<Keys>) => {
    const shared: Keys = { keys: [] };
    await run(flow, shared);
    return shared.keys.sort();
  };

  test("a chain counts its steps, and a loop goes on counting", async () => {
    const [a, b, c] = [noting("A"), noting("B"), noting("C")];
    a.next(b).next(c);
    expect(await keysOf(new Flow(a, { name: "F" }))).toEqual(["F/A", "F/B#2", "F/C#3"]);
    const act = noting("Act");
    const loop = noting("Decide", (visits) => (visits < 2 ? "act" : undefined));
    loop.on("act", act);
    act.next(loop);
    expect(await keysOf(new Flow(loop, { name: "Agent" }))).toEqual([
      "Agent/Act#2",
      "Agent/Decide",
      "Agent/Decide#3",
    ]);
  });

  test("flows inside, items, iterations and branches each add their part", async () => {
    class Pages extends AsyncParallelBatchFlow<Keys, { page: number }> {
      override prep() {
        return [{ page: 1 }, { page: 2 }];
      }
    }
    class Items extends AsyncParallelBatchNode<Keys, string, string> {
      override prep() {
        return ["x", "y"];
      }
      override exec(_item: string, { key }: Context) {
        return key;
      }
      override post(shared: Keys, _items: unknown, keys: string[], { key }: Context) {
        shared.keys.push(...keys, key);
      }
    }
    const start = noting("Start");
    const same = noting("Same");
    start
      .next(new Pages(noting("Fetch"), { name: "Pages" }))
      .next(new Flow(noting("Inner"), { name: "Sub" }))
      .next(new Items({ name: "Items" }))
      .next(parallel([same, new Flow(noting("Deep"), { name: "Branch" }), same], { name: "both" }));
    expect(await keysOf(new Flow(start, { name: "Crawl" }))).toEqual(
      [
        "Crawl/Start",
        "Crawl/Pages#2[0]/Fetch",
        "Crawl/Pages#2[1]/Fetch",
        "Crawl/Sub#3/Inner",
        "Crawl/Items#4[0]",
        "Crawl/Items#4[1]",
        "Crawl/Items#4",
        "Crawl/both#5|Same",
        "Crawl/both#5|Same#2",
        "Crawl/both#5|Branch/Deep",
      ].sort(),
    );
  });

  test("a walk that is tried again has keys of its own, an exec that is tried again has not", async () => {
    const seen: [string, string][] = [];
    let walks = 0;
    const note = (_: unknown, { key, idempotencyKey }: Context) => {
      seen.push([key, idempotencyKey]);
    };
    const flaky = node({
      name: "Flaky",
      attempts: 2,
      exec: (_: undefined, ctx: Context) => {
        note(undefined, ctx);
        if (ctx.attempt === 0) throw new Error("once more");
      },
      post: () => {
        if (++walks < 2) throw new Error("walk once more");
      },
    });
    class Each extends BatchFlow<object, { n: number }> {
      override prep() {
        return [{ n: 1 }];
      }
    }
    await run(new Flow(new Each(flaky, { name: "Each", attempts: 2 }), { name: "F" }), {}, { runId: "r" });
    expect(seen.map(([key]) => key)).toEqual([
      "F/Each[0]/Flaky",
      "F/Each[0]/Flaky",
      "F/Each[0]!2/Flaky",
      "F/Each[0]!2/Flaky",
    ]);
    const ids = seen.map(([, id]) => id);
    expect(ids[0]).toBe(ids[1]);
    expect(ids[2]).toBe(ids[3]);
    expect(ids[0]).not.toBe(ids[2]);
  });
});

describe("idempotency keys", () => {
  const keyOf = async (runId: string, name = "Call") => {
    let key = "";
    const call = node({
      name,
      exec: (_: undefined, ctx: Context) => {
        key = ctx.idempotencyKey;
      },
    });
    await new Flow(call).run({}, { runId });
    return key;
  };

  test("are the same for the same place of the same run, and differ with either", async () => {
    expect(await keyOf("a")).toBe(await keyOf("a"));
    expect(await keyOf("a")).not.toBe(await keyOf("b"));
    expect(await keyOf("a")).not.toBe(await keyOf("a", "Other"));
  });

  test("of 100,000 items no two are the same", async () => {
    const seen = new Set<string>();
    class Items extends AsyncParallelBatchNode<object, number> {
      override prep() {
        return Array.from({ length: 100_000 }, (_, n) => n);
      }
      override exec(_: number, { idempotencyKey }: Context) {
        seen.add(idempotencyKey);
      }
    }
    await new Items().run({}, { runId: "r" });
    expect(seen.size).toBe(100_000);
    for (const key of [...seen].slice(0, 10)) expect(key).toMatch(/^[0-9a-z]{12,24}$/);
  });

  test("signs that separate the parts of a key are escaped in names", async () => {
    const keys: string[] = [];
    const odd = node({
      name: "a/b#2[3]|c!~%",
      exec: (_: undefined, { key }: Context) => {
        keys.push(key);
      },
    });
    await new Flow(odd, { name: "F|G" }).run({});
    expect(keys).toEqual(["F%7CG/a%2Fb%232%5B3%5D%7Cc%21%7E%25"]);
  });

  test("a node that runs alone has its own name as its key", async () => {
    let key = "";
    class Alone extends AsyncParallelBatchNode<object, number> {
      override prep() {
        return [7];
      }
      override exec(_: number, ctx: Context) {
        key = ctx.key;
      }
    }
    await new Alone().run({});
    expect(key).toBe("Alone[0]");
  });
});
