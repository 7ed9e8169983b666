import { AsyncParallelBatchFlow, BatchNode, chain, emitter, Flow, node, parallel } from "sluice";
import type { Recovered } from "sluice/journal";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { fastest } from "../../support/fastest.js";
import { codeOf, Started, type Store } from "./support/started.js";

const never = () => new Promise<never>(() => {});
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
let warnings: [string, { code: string }][] = [];
beforeEach(() => {
  warnings = [];
  vi.spyOn(process, "emitWarning").mockImplementation(((text: string, options: { code: string }) => {
    warnings.push([text, options]);
  }) as never);
});
afterEach(() => vi.restoreAllMocks());

const count = (name: string, more: (shared: Store) => unknown = () => {}) =>
  node({
    name,
    post: (shared: Store) => {
      shared[name] = (shared[name] ?? 0) + 1;
      return more(shared) as undefined;
    },
  });
const flowOf = (...nodes: unknown[]) =>
  new Flow<Store>(chain(...(nodes as [ReturnType<typeof count>])) as never, { name: "Main" });

describe("an error out of a hook leaves the checkpoint before it", () => {
  const cases = ["prep", "post", "fork", "join", "onResult"] as const;
  test.each(cases)("%s", async (hook) => {
    const started = new Started();
    let isBroken = true;
    const half = (name: string, shared: Store) => {
      if (name !== hook) return;
      shared.half = (shared.half ?? 0) + 1;
      if (isBroken) throw new Error("half-way");
      shared.whole = (shared.whole ?? 0) + 1;
    };
    class Each extends AsyncParallelBatchFlow<Store, { n: number }> {
      override prep() {
        return [{ n: 1 }];
      }
      override fork(shared: Store) {
        half("fork", shared);
        return {};
      }
      override join(shared: Store) {
        half("join", shared);
      }
    }
    class Items extends BatchNode<Store, number, number> {
      override prep() {
        return [1];
      }
      override onResult(shared: Store) {
        half("onResult", shared);
      }
    }
    const flow = () =>
      flowOf(
        count("first"),
        node({
          name: "Hooks",
          prep: (shared: Store) => half("prep", shared),
          post: (shared: Store) => half("post", shared) as undefined,
        }),
        new Each(count("inside") as never, { name: "Each" }),
        new Items({ name: "Items" }),
      );
    const shared: Store = {};
    await started.failure(flow(), shared);
    expect(shared.half).toBe(1);
    isBroken = false;
    expect((await started.run(flow())).store).toEqual({ first: 1, half: 1, whole: 1 });
  });
});

test("a walk that is tried again drops what its last attempt left, and an unforked store keeps what it wrote", async () => {
  async function scene(): Promise<number> {
    const started = new Started();
    const calls: string[] = [];
    let isStuck = true;
    const inside = node({
      name: "Inside",
      exec: async (_none: undefined, { key }) => {
        calls.push(key);
        return key;
      },
      post: (shared: Store, _none, key) => void (shared.keys ??= []).push(key),
    });
    const fails = node({
      name: "Fails",
      prep: (_shared: Store, { key }) => key.includes("!2"),
      exec: async (second) => {
        await sleep(20);
        if (!second) throw new Error("first");
        if (isStuck) await never();
      },
    });
    const flow = () => flowOf(new Flow(chain(inside, fails as never), { name: "Inner", attempts: 2 }));
    const rows = () => started.driver.load("r", ["walk", "result", "batch"]);
    void started.run(flow());
    await started.killWhen(
      ({ kind, key, value }) => kind === "walk" && key === "Main/Inner!2" && value.includes("Fails"),
    );
    const left = rows().filter(({ key }) => /^Main\/Inner(?!!2)/.test(key));
    isStuck = false;
    const { store } = await started.run(flow());
    expect(store.keys).toEqual(["Main/Inner/Inside", "Main/Inner!2/Inside"]);
    expect(calls).toEqual(store.keys);
    expect(rows()).toEqual([]);
    return left.length;
  }
  // Where no cut may be taken at that moment, the rows stay until the step is over: on a busy machine, not each time.
  expect(await fastest(1, scene)).toBe(0);
});

describe("the store", () => {
  class Client {}
  const deep = () => {
    let value: unknown = 0;
    for (let n = 0; n < 2_000; n++) value = [value];
    return value;
  };
  test.each([
    ["a class instance", () => new Client(), /Client/],
    ["a function", () => () => {}, /function/],
    ["a promise", () => Promise.resolve(1), /[Pp]romise/],
    ["a getter", () => Object.defineProperty({}, "now", { get: Date.now, enumerable: true }), /getter/],
    ["what is nested too deep", deep, /nesting/],
  ])("must not have %s: the error names the node, the key and the class", async (_what, make, said) => {
    const started = new Started();
    const error = await started.failure(
      flowOf(count("Fine"), node({ name: "Writes", post: (shared: Store) => void (shared.bad = make()) })),
    );
    expect(codeOf(error)).toBe("NOT_SERIALIZABLE");
    expect(error.message).toMatch(/"Main".*"bad".*"Writes"/);
    expect(error.message).toMatch(said);
    expect(started.state).toBe("failed");
  });

  test("has transient keys that are given anew, also to forks, and that no journal keeps", async () => {
    const started = new Started();
    let isBroken = true;
    const seen: unknown[] = [];
    const inside = node({
      name: "Inside",
      prep: (shared: Store) => void seen.push(shared.client.name),
      exec: () => {
        if (isBroken) throw new Error("down");
      },
    });
    class Each extends AsyncParallelBatchFlow<Store, { n: number }> {
      override prep() {
        return [{ n: 1 }];
      }
      override fork(shared: Store) {
        return { client: shared.client };
      }
      override join(shared: Store, _params: unknown, local: Store) {
        shared.isShared = local.client === shared.client;
      }
    }
    const flow = () =>
      new Flow<Store>(chain(new Each(inside as never) as never, count("after")), {
        name: "Main",
        transient: ["client"],
      });
    class Named {
      constructor(readonly name: string) {}
    }
    await started.failure(flow(), { client: new Named("first"), n: 1 });
    isBroken = false;
    const { store } = await started.run(flow(), { client: new Named("second") });
    expect(store).toMatchObject({ n: 1, isShared: true, after: 1 });
    expect(started.driver.load("r", ["store"]).some(({ value }) => value.includes("first"))).toBe(false);
  });
});

describe("a run", () => {
  test("that is done answers without calling anything", async () => {
    const started = new Started();
    let calls = 0;
    const flow = () =>
      flowOf(
        count("once", () => void calls++),
        node({ name: "End", post: () => (calls++ < 9 ? null : "more") as null }),
      );
    expect((await started.run(flow(), { n: 1 })).action).toBe(null);
    expect(await started.run(flow())).toEqual({ action: null, store: { n: 1, once: 1 } });
    expect(calls).toBe(2);
    expect(await new Started().run(flowOf(count("a")))).toEqual({ action: undefined, store: { a: 1 } });
  });

  test("takes no other store and no other params under its id", async () => {
    const started = new Started();
    let isBroken = true;
    const flow = () =>
      flowOf(
        count("a", () => {
          if (isBroken) throw new Error("down");
        }),
      );
    await started.failure(flow(), { n: 1 }, { params: { p: 1 } });
    expect(codeOf(await started.failure(flow(), { n: 2 }, { params: { p: 1 } }))).toBe("RUN_INPUT_CHANGED");
    expect(codeOf(await started.failure(flow(), { n: 1 }, { params: { p: 2 } }))).toBe("RUN_INPUT_CHANGED");
    expect(started.state).toBe("failed");
    isBroken = false;
    expect((await started.run(flow(), { n: 1 }, { params: { p: 1 } })).store).toEqual({ n: 1, a: 1 });
  });

  test("that was killed before its store was kept wants it again", async () => {
    const started = new Started();
    const flow = () => flowOf(count("a"));
    await started.run(flow(), { n: 1 });
    started.kill(1);
    expect(codeOf(await started.failure(flow()))).toBe("RUN_INPUT_CHANGED");
    expect((await started.run(flow(), { n: 1 })).store).toEqual({ n: 1, a: 1 });
  });

  test("goes on in a graph that still has its places, and else is left as it was", async () => {
    const started = new Started();
    let isBroken = true;
    const last = (name: string) =>
      node({
        name,
        exec: () => {
          if (isBroken) throw new Error("down");
        },
        post: (shared: Store) => void (shared[name] = 1),
      });
    const versioned = (version: number | undefined, ...nodes: unknown[]) =>
      new Flow<Store>(chain(...(nodes as [never])) as never, {
        name: "Main",
        ...(version === undefined ? {} : { version }),
      });
    await started.failure(versioned(1, count("First"), last("Last")));
    const gone = await started.failure(versioned(1, count("First"), last("Other")));
    expect([codeOf(gone), gone.message]).toEqual(["GRAPH_CHANGED", expect.stringContaining("Main/Last")]);
    expect(codeOf(await started.failure(versioned(2, count("First"), last("Last"))))).toBe("GRAPH_CHANGED");
    expect(started.state).toBe("failed");
    isBroken = false;
    const { store } = await started.run(versioned(1, count("New"), last("Last"), count("More")));
    expect(store).toEqual({ First: 1, Last: 1, More: 1 });
  });

  test("has no two nodes of one name in one flow, and warns of short names", async () => {
    expect(codeOf(await new Started().failure(flowOf(count("Same"), count("Same"))))).toBe("AMBIGUOUS_NAME");
    const twice = count("Twice");
    await new Started().run(flowOf(parallel([twice, twice], { name: "Both" })));
    await new Started().run(flowOf(count("ab")));
    expect(warnings.map(([, { code }]) => code)).toEqual(["SLUICE_SHORT_NAME"]);
  });

  test("counts steps over resumes, and a resume may raise maxSteps", async () => {
    const started = new Started();
    const again = () => {
      const loop = count("n", (shared) => (shared.n < 10 ? "again" : "end"));
      (loop as never as Flow).on("again" as never, loop as never).end("end" as never);
      return flowOf(loop);
    };
    // A refused step is no step, and a lower limit forgets none.
    const limits = [4, 4, 5, 4, 1, 9, 9];
    for (const [at, steps] of [4, 4, 5, 5, 5, 9, 9].entries()) {
      const maxSteps = limits[at];
      expect(codeOf(await started.failure(again(), {}, { maxSteps }))).toBe("MAX_STEPS");
      expect(started.driver.run("r")?.steps).toBe(steps);
    }
    expect((await started.run(again(), {}, { maxSteps: 10 })).store).toEqual({ n: 10 });
  });

  test("counts its budget over resumes, and a resume may raise it", async () => {
    const started = new Started();
    let calls = 0;
    const flow = () =>
      flowOf(
        ...Array.from({ length: 6 }, (_each, n) => node({ name: `call ${n}`, exec: () => void calls++ })),
      );
    expect(codeOf(await started.failure(flow(), {}, { budget: { calls: 2 } }))).toBe("BUDGET_SPENT");
    expect(codeOf(await started.failure(flow(), {}, { budget: { calls: 2 } }))).toBe("BUDGET_SPENT");
    expect(calls).toBe(2);
    expect(codeOf(await started.failure(flow(), {}, { budget: { calls: 5 } }))).toBe("BUDGET_SPENT");
    await started.run(flow(), {}, { budget: { calls: 6 } });
    expect(calls).toBe(6);
  });

  test("has the state of its end, and goes on from it", async () => {
    const started = new Started();
    let isStuck = true;
    const flow = () =>
      flowOf(
        count("a"),
        node({
          name: "Stuck",
          exec: async () => {
            if (isStuck) await sleep(30);
          },
        }),
        count("b"),
      );
    const signal = AbortSignal.timeout(5);
    await started.failure(flow(), {}, { signal });
    expect(started.state).toBe("aborted");
    await started.failure(flow(), {}, { drain: AbortSignal.timeout(5) });
    expect(started.state).toBe("drained");
    isStuck = false;
    expect((await started.run(flow())).store).toEqual({ a: 1, b: 1 });
    expect(started.state).toBe("done");
  });

  test("sees within a second that it was cancelled, and never goes on", async () => {
    const started = new Started();
    const flow = () => flowOf(node({ name: "Stuck", exec: never }));
    const ended = started.failure(flow());
    await sleep(5);
    const began = performance.now();
    expect(await started.journal.cancel("r")).toBe(true);
    expect(codeOf(await ended)).toBe("RUN_CANCELLED");
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(codeOf(await started.failure(flow()))).toBe("RUN_CANCELLED");
  });

  test("is recovered when its owner is gone, unless it ends its process each time", async () => {
    const started = new Started();
    let isStuck = true;
    let onKill = () => {};
    const flow = () =>
      flowOf(
        count("a"),
        node({
          name: "Stuck",
          exec: async () => {
            if (!isStuck) return;
            started.kill(); // before anything more is written
            onKill();
            await never();
          },
        }),
      );
    const killed = () =>
      new Promise<void>((resolve) => {
        onKill = resolve;
      });
    const first = killed();
    void started.run(flow(), { n: 1 });
    await first;
    // On a busy machine a start may write a row first, which makes it one that went on.
    let starts = 0;
    let stuck: Recovered | undefined;
    while (stuck === undefined) {
      const again = killed().then(() => undefined);
      const recovered = started.journal.recover({ Main: { flow: flow() } });
      stuck = await Promise.race([again, recovered.then(([one]) => one)]);
      starts++;
    }
    expect(starts).toBeGreaterThan(5);
    expect([stuck?.id, codeOf(stuck?.error), started.state]).toEqual(["r", "RUN_STUCK", "stuck"]);
    expect(await started.journal.recover({ Main: { flow: flow() } })).toEqual([]);
    isStuck = false;
    expect((await started.run(flow())).store).toEqual({ n: 1, a: 1 });
  });

  test("is the same where something watches it", async () => {
    for (const options of [
      { events: emitter() },
      { around: (_span: unknown, next: () => unknown) => next() },
    ]) {
      const started = new Started();
      let isBroken = true;
      const flow = () =>
        flowOf(
          count("a"),
          new Flow(
            chain(
              count("b"),
              count("c", () => {
                if (isBroken) throw new Error("down");
              }),
            ) as never,
            { name: "Inner" },
          ),
        );
      await started.failure(flow(), {}, options as object);
      isBroken = false;
      expect((await started.run(flow(), {}, options as object)).store).toEqual({ a: 1, b: 1, c: 1 });
    }
  });

  test("can be streamed", async () => {
    const started = new Started();
    const flow = flowOf(
      count("a"),
      node({ name: "Says", exec: (_none: undefined, { emit }) => emit("hello") }),
    );
    const seen: unknown[] = [];
    const shared: Store = {};
    for await (const event of flow.stream(shared, { types: ["data"], journal: started.journal, runId: "r" }))
      seen.push(event.data);
    expect([seen, shared, started.state]).toEqual([["hello"], { a: 1 }, "done"]);
  });

  test("inside a hook never takes the journal of the run around it", async () => {
    const started = new Started();
    const inner = flowOf(count("inner"));
    const flow = flowOf(node({ name: "Outer", exec: (_none: undefined, ctx) => inner.run({}, { ctx }) }));
    await started.run(flow);
    expect(started.driver.runs().map(({ id }) => id)).toEqual(["r"]);
  });

  test("has no await of ours between a post and the next prep", async () => {
    const order: string[] = [];
    const step = (name: string) =>
      node({
        name,
        prep: (_shared: Store, { index }) => void order.push(`${name} prep ${index}`),
        exec: () => sleep(1),
        post: (_shared, _none, _result, { index }) => void order.push(`${name} post ${index}`),
      });
    class Each extends AsyncParallelBatchFlow<Store, object> {
      override prep() {
        return Array.from({ length: 8 }, () => ({}));
      }
    }
    const inner = new Flow(chain(step("B"), step("C")) as never, { name: "Inner" });
    await new Started().run(
      flowOf(new Each(chain(step("A"), inner as never, step("D")) as never, { name: "Each" })),
    );
    for (const [at, line] of order.entries()) {
      const [name, hook, index] = line.split(" ");
      if (hook !== "post" || name === "D") continue;
      expect(order[at + 1]).toBe(`${String.fromCharCode((name as string).charCodeAt(0) + 1)} prep ${index}`);
    }
  });
});
