import { readFileSync } from "node:fs";
import fc from "fast-check";
import type { BaseNode } from "sluice";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import {
  forPocketFlow,
  forReference,
  forSluice,
  graphs,
  plain,
  type Spec,
  World,
} from "../support/graphs.js";
import { walk } from "../support/reference.js";
import { inWords, sized } from "../support/size.js";

/** Enough of them for what is rare: results that are collected come in one of twelve. */
const RUNS = sized(1_000, 200);
const WIDE_RUNS = sized(300);

beforeAll(() => {
  vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  vi.spyOn(console, "warn").mockImplementation(() => {});
});
afterAll(() => void vi.restoreAllMocks());

/** A run as one comparable value: every hook call in order, the store at the end, and how it ended. */
async function traceOf(world: World, run: (shared: object) => Promise<unknown>) {
  const shared = { visits: 0 };
  const end = await run(shared).then(
    (action) => ["returned", plain(action)],
    (error) => ["threw", plain(error)],
  );
  return { trace: world.trace, shared: JSON.parse(JSON.stringify(shared)), end };
}
type Trace = Awaited<ReturnType<typeof traceOf>>;

const bySluice = (spec: Spec, concurrency = 1) => {
  const world = new World();
  const flow: BaseNode = forSluice(spec, world, concurrency);
  return traceOf(world, (shared) => flow.run(shared));
};
const byReference = (spec: Spec) => {
  const world = new World();
  return traceOf(world, (shared) => walk(forReference(spec, world), shared, {}));
};
const byPocketFlow = (spec: Spec) => {
  const world = new World();
  const flow = forPocketFlow(spec, world);
  return traceOf(world, (shared) => flow.run(shared as never));
};

/** Compares as text first: most traces are long, and equal. */
function expectSame(actual: unknown, expected: unknown) {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) expect(actual).toEqual(expected);
}

type Entry = [id: number, hook: string, ...rest: unknown[]];
const entriesOf = ({ trace }: Trace) => trace as Entry[];

/** A trace without what PocketFlow's TypeScript package tells no hook: index, attempt, a flow's last action. */
function asPocketFlowTells({ trace, shared, end }: Trace, flows: ReadonlySet<number>): Trace {
  const strip = ([id, hook, ...rest]: Entry) => {
    const { params } = rest.at(-1) as { params: object };
    const args = rest.slice(0, -1);
    if (hook === "post" && flows.has(id)) args.pop();
    // What flows' posts left in the store is their last action too.
    return [id, hook, ...args.map((arg) => storeWithout(arg, flows)), params];
  };
  return { trace: (trace as Entry[]).map(strip), shared: storeWithout(shared, flows), end } as Trace;
}
function storeWithout(value: unknown, flows: ReadonlySet<number>): unknown {
  if (typeof value !== "object" || value === null || !("visits" in value)) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([key]) => !(key.startsWith("r") && flows.has(Number(key.slice(1))))),
  );
}
const flowsIn = (spec: Spec): number[] => [
  ...(spec.body.length > 0 ? [spec.id] : []),
  ...spec.body.flatMap(flowsIn),
];

const asBag = ({ trace, end }: Trace) => ({
  // Stores are left out: iterations that run at once see each other's writes in any order.
  calls: entriesOf({ trace } as Trace)
    .map(([id, hook, ...rest]) =>
      JSON.stringify([id, hook, ...(hook === "prep" || hook === "post" ? rest.slice(1) : rest)]),
    )
    .sort(),
  end,
});

describe(`${inWords(RUNS)} flows at random`, () => {
  test("do what the reference interpreter does, call by call", async () => {
    const seen: Record<string, number> = {};
    const see = (what: string, happened: boolean) => (seen[what] = (seen[what] ?? 0) + Number(happened));
    await fc.assert(
      fc.asyncProperty(graphs(), async (spec) => {
        const expected = await byReference(spec);
        expectSame(await bySluice(spec), expected);

        const entries = entriesOf(expected);
        const preps = entries.filter(([, hook]) => hook === "prep").map(([id]) => id);
        const depth = (each: Spec): number => 1 + Math.max(0, ...each.body.map(depth));
        see("loop", new Set(preps).size < preps.length);
        see("nested", depth(spec) > 2 && flowsIn(spec).filter((id) => preps.includes(id)).length > 2);
        see(
          "retry",
          entries.some((entry) => entry[1] === "exec" && (entry.at(-1) as { attempt: number }).attempt > 0),
        );
        see(
          "fallback",
          entries.some(([, hook]) => hook === "execFallback"),
        );
        see("collected", JSON.stringify(expected.shared).includes('"failed"'));
        see(
          "iteration",
          entries.some((entry) =>
            Object.keys((entry.at(-1) as { params: object }).params).some((key) => key.startsWith("p")),
          ),
        );
        see("failed", expected.end[0] === "threw");
        see("returned", expected.end[0] === "returned");
      }),
      { numRuns: RUNS },
    );
    // Otherwise the graphs would not show what they are there to show.
    for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(sized(40, 0));
    expect(Object.keys(seen)).toHaveLength(8);
  });

  test("do what the npm package pocketflow does, where it has the feature", async () => {
    let failed = 0;
    await fc.assert(
      fc.asyncProperty(graphs({ pocketflow: true }), async (spec) => {
        // Its parallel classes share one retry counter between items, so one by one here.
        const narrow = (each: Spec): Spec => ({ ...each, wide: false, body: each.body.map(narrow) });
        const flows = new Set(flowsIn(spec));
        const expected = await byReference(spec);
        const theirs = await byPocketFlow(narrow(spec));
        expectSame(asPocketFlowTells(theirs, flows), asPocketFlowTells(expected, flows));
        expectSame(await bySluice(spec), expected);
        failed += Number(expected.end[0] === "threw");
      }),
      { numRuns: RUNS },
    );
    expect(failed).toBeGreaterThan(sized(40, 0));
  });
});

describe(`${inWords(WIDE_RUNS)} flows of parallel classes, at any concurrency`, () => {
  test("make the same calls as the reference one by one, with results in input order", async () => {
    await fc.assert(
      fc.asyncProperty(
        graphs({ wide: true }),
        fc.constantFrom(1, 2, 3, 16, Number.POSITIVE_INFINITY),
        async (spec, n) => {
          expect(asBag(await bySluice(spec, n))).toEqual(asBag(await byReference(spec)));
        },
      ),
      { numRuns: WIDE_RUNS },
    );
  });

  test("make the same calls as pocketflow's parallel classes, without retries", async () => {
    await fc.assert(
      fc.asyncProperty(graphs({ wide: true, pocketflow: true }), async (spec) => {
        const flows = new Set(flowsIn(spec));
        const tell = (trace: Trace) => asBag(asPocketFlowTells(trace, flows));
        expect(tell(await bySluice(spec, Number.POSITIVE_INFINITY))).toEqual(tell(await byPocketFlow(spec)));
      }),
      { numRuns: WIDE_RUNS },
    );
  });
});

test("the reference is short enough to be believed", () => {
  const source = readFileSync(new URL("../support/reference.ts", import.meta.url), "utf8");
  const [, code = ""] = source.split(/^(?=export async function walk)/m);
  expect(
    code.split("\n").filter((line) => line.trim() !== "" && !line.trim().startsWith("//")).length,
  ).toBeLessThanOrEqual(40);
});
