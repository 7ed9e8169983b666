import { EventEmitter } from "eventemitter3";
import fc from "fast-check";
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  type BaseNode,
  Flow,
  node,
  type Params,
  parallel,
  type RunEvents,
} from "sluice";
import { describe, expect, test } from "vitest";
import { watchers } from "../support/watchers.js";

/** What walks share: the last that was written, by whichever walk. */
interface Shared {
  last?: string;
  seen: string[];
}

/** When the `exec`s of a graph end: some at the same moment, whose walks a single await would mix. */
class Moments {
  readonly #timers = new Map<number, Promise<void>>();
  at(ms: number): Promise<void> {
    let timer = this.#timers.get(ms);
    if (timer === undefined)
      this.#timers.set(ms, (timer = new Promise((resolve) => setTimeout(resolve, ms))));
    return timer;
  }
}

/** A chain of steps, each of which may be in a flow of its own, in one with attempts, or in two. */
type Shape = readonly {
  readonly ms: number;
  readonly nesting: "none" | "flow" | "two flows" | "attempts" | "timeout";
}[];

const shapes: fc.Arbitrary<Shape> = fc.array(
  fc.record({
    ms: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(0, 1, 3) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 120 }) },
    ),
    nesting: fc.constantFrom("none", "flow", "two flows", "attempts", "timeout"),
  }),
  { minLength: 2, maxLength: 5 },
);

function build(shape: Shape, who: (params: Readonly<Params>) => string, moments: Moments): BaseNode<Shared> {
  const nodes = shape.map(({ ms, nesting }, step) => {
    const made = node({
      name: `Step${step}`,
      prep: (shared: Shared, { params }) => {
        if (step > 0 && shared.last !== `${who(params)} ${step - 1}`) {
          shared.seen.push(`${who(params)} ${step} read ${shared.last}`);
        }
      },
      exec: () => (ms === 0 ? undefined : moments.at(ms)),
      post: (shared, _read, _none, { params }) => {
        shared.last = `${who(params)} ${step}`;
      },
    });
    if (nesting === "flow") return new Flow(made);
    if (nesting === "two flows") return new Flow(new Flow(made));
    if (nesting === "attempts") return new Flow(made, { attempts: 3 });
    if (nesting === "timeout") return new Flow(made, { timeout: 60_000 });
    return made;
  });
  for (const [at, each] of nodes.entries()) if (at > 0) nodes[at - 1]?.next(each);
  return nodes[0] as BaseNode<Shared>;
}

const whoOf = ({ id }: Readonly<Params>) => String(id);

class Iterations extends AsyncParallelBatchFlow<Shared, { id: number }> {
  override prep() {
    return [{ id: 1 }, { id: 2 }, { id: 3 }];
  }
}

describe("what a node wrote is what the next node of its walk reads, in parallel flows on one store", () => {
  for (const [watcher, run] of Object.entries(watchers)) {
    test.concurrent(`watched by ${watcher}`, async () => {
      await fc.assert(
        fc.asyncProperty(shapes, shapes, async (one, other) => {
          const moments = new Moments();
          const iterations = new Iterations(build(one, whoOf, moments));
          const branch = (id: string) => new Flow(build(other, () => id, moments));
          const shared: Shared = { seen: [] };
          await run(new Flow(parallel([iterations, branch("a"), branch("b")])), shared);
          expect(shared.seen).toEqual([]);
        }),
        { numRuns: 12 },
      );
    });
  }

  test("also where an exec takes longer than the 40 ms after which the event loop gets its turn", async () => {
    for (const ms of [39, 41, 60]) {
      const moments = new Moments();
      const shape: Shape = [1, 2].map(() => ({ ms, nesting: "none" as const }));
      const shared: Shared = { seen: [] };
      await new Iterations(build(shape, whoOf, moments)).run(shared);
      expect(shared.seen).toEqual([]);
    }
  });

  test("also while the reader of a stream is behind", async () => {
    const moments = new Moments();
    const shape: Shape = [2, 2, 2].map((ms) => ({ ms, nesting: "flow" as const }));
    const shared: Shared = { seen: [] };
    const stream = new Iterations(build(shape, whoOf, moments)).stream(shared, { buffer: 1 });
    for await (const _event of stream) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(shared.seen).toEqual([]);
  });

  test("also between the items of one batch that ends and the next node", async () => {
    const shared: Shared = { seen: [] };
    class Work extends AsyncParallelBatchNode<Shared, number, number> {
      override prep() {
        return [1, 2, 3];
      }
      override exec = async () => 1;
      override post(
        store: Shared,
        _items: unknown,
        _results: number[],
        { params }: { params: Readonly<Params> },
      ) {
        store.last = whoOf(params);
      }
    }
    const work = new Work();
    work.next(
      node({
        prep: (store: Shared, { params }) => {
          store.seen.push(String(store.last === whoOf(params)));
        },
      }),
    );
    const events = new EventEmitter<RunEvents>();
    events.on("step", () => {});
    await new Iterations(work).run(shared, { events });
    expect(shared.seen).toEqual(["true", "true", "true"]);
  });
});
