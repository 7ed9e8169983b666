// However flows, nodes, batches and gate.run are nested in one gate: never more calls in flight than it has
// slots, and none of them waits for itself.
import fc from "fast-check";
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  type BaseNode,
  BatchFlow,
  BatchNode,
  type Context,
  chain,
  Flow,
  Gate,
  type GateContext,
  node,
  parallel,
} from "sluice";
import { expect, test } from "vitest";
import { turn } from "../support/fake-clock.js";
import { InFlight } from "../support/in-flight.js";
import { sized } from "../support/size.js";

/** One call under the gate, and what it calls inside itself. */
interface Call {
  readonly kind: "gate.run" | "node" | "batch" | "parallel batch";
  /** Turns of the event loop, or with 0 a microtask, that it takes by itself. */
  readonly turns: number;
  readonly inside: readonly Work[];
  readonly how: "in a row" | "together" | "left behind";
  readonly ends:
    | "well"
    | "failing"
    | "failing, then again"
    | "failing, with a fallback that calls"
    | "refused once";
}
/** Ungated nodes around calls. */
interface Around {
  readonly kind: "flow" | "batch flow" | "parallel batch flow" | "parallel()";
  /** The hook of an ungated node that makes the calls. */
  readonly hook: "prep" | "exec" | "post";
  readonly steps: readonly Work[];
}
type Work = Call | Around;
type AnyContext = Context | GateContext;

const { work } = fc.letrec<{ work: Work; call: Call; around: Around }>((tie) => ({
  work: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.record<Call>({
      kind: fc.constantFrom("gate.run", "node"),
      turns: fc.nat(2),
      inside: fc.constant([]),
      how: fc.constant("in a row"),
      ends: fc.constantFrom("well", "failing"),
    }),
    { arbitrary: tie("call"), weight: 4 },
    { arbitrary: tie("around"), weight: 2 },
  ),
  call: fc.record<Call>({
    kind: fc.constantFrom("gate.run", "node", "batch", "parallel batch"),
    turns: fc.nat(2),
    inside: fc.array(tie("work"), { minLength: 1, maxLength: 3, depthIdentifier: "work" }),
    how: fc.constantFrom("in a row", "together", "left behind"),
    ends: fc.constantFrom(
      "well",
      "well",
      "failing",
      "failing, then again",
      "failing, with a fallback that calls",
      "refused once",
    ),
  }),
  around: fc.record<Around>({
    kind: fc.constantFrom("flow", "batch flow", "parallel batch flow", "parallel()"),
    hook: fc.constantFrom("prep", "exec", "post"),
    steps: fc.array(tie("work"), { minLength: 1, maxLength: 2 }),
  }),
}));

const depthOf = (work: Work): number =>
  1 + Math.max(0, ...("inside" in work ? work.inside : work.steps).map(depthOf));

const leavesBehind = (work: Work): boolean =>
  "inside" in work
    ? (work.how === "left behind" && work.inside.length > 0) || work.inside.some(leavesBehind)
    : work.steps.some(leavesBehind);

/** Runs plans under one gate and counts what is in flight. */
class Nesting {
  readonly inFlight = new InFlight();
  readonly leftBehind: Promise<unknown>[] = [];
  readonly refused = new Set<Call>();
  readonly gate: Gate;

  constructor(gate: Gate) {
    this.gate = gate;
  }

  /** Makes one call or runs one flow inside a hook. A failure stays where it is: others go on. */
  async run(work: Work, ctx?: AnyContext, signal?: AbortSignal): Promise<void> {
    try {
      if (work.kind === "gate.run") {
        await this.gate.run((inner) => this.body(work, inner), { ctx, signal });
      } else await new Flow(this.step(work)).run({}, { ctx: ctx as Context | undefined, signal });
    } catch {
      // The plan says that it fails.
    }
  }

  /** What runs inside a slot. While nested calls run it does nothing itself, so it does not count. */
  async body(call: Call, ctx: AnyContext, attempt = 1): Promise<void> {
    this.inFlight.enter();
    for (let i = 0; i < call.turns; i++) await turn();
    if (call.turns === 0) await undefined;
    this.inFlight.leave();
    if (call.how === "left behind") {
      this.leftBehind.push(...call.inside.map((each) => this.run(each, ctx)));
    } else {
      if (call.how === "together") await Promise.all(call.inside.map((each) => this.run(each, ctx)));
      else for (const each of call.inside) await this.run(each, ctx);
      ctx.signal.throwIfAborted(); // nested calls were abandoned, and are still in flight
      // With something left behind deeper down its slot is in use: what it did now would count twice.
      if (!call.inside.some(leavesBehind)) await this.inFlight.during(() => undefined);
    }
    if (call.ends === "refused once") {
      if (this.refused.has(call)) return;
      this.refused.add(call);
      throw new Error("refused");
    }
    if (call.ends !== "well" && (call.ends !== "failing, then again" || attempt === 0)) throw new Error("no");
  }

  step(work: Work): BaseNode {
    return "inside" in work ? this.gated(work) : this.ungated(work);
  }

  gated(call: Call): BaseNode {
    const { gate } = this;
    const options = { gate, attempts: call.ends === "failing, then again" ? 2 : 1 };
    const exec = (_: unknown, ctx: Context) => this.body(call, ctx, ctx.attempt);
    const execFallback = async (_: unknown, error: unknown, ctx: Context) => {
      if (!call.ends.includes("fallback")) throw error;
      await gate.run(() => this.inFlight.during(turn), { ctx });
    };
    if (call.kind === "gate.run") {
      return node({ exec: (_, ctx) => gate.run((inner) => this.body(call, inner), { ctx }) });
    }
    if (call.kind === "node") return node({ ...options, exec, execFallback });
    const Batch = call.kind === "batch" ? BatchNode : AsyncParallelBatchNode;
    const batch = new Batch({ ...options, onError: call.turns === 1 ? "collect" : "throw" });
    return Object.assign(batch, { prep: () => [0, 1, 2], exec, execFallback });
  }

  ungated({ kind, hook, steps }: Around): BaseNode {
    const [first, ...rest] = steps.map((step, i) =>
      i % 2 === 0
        ? this.step(step)
        : node({ [hook]: (...args: unknown[]) => this.run(step, args.at(-1) as Context) }),
    ) as [BaseNode, ...BaseNode[]];
    if (kind === "parallel()") return parallel([first, ...rest], { until: "settled" });
    const start = chain(first, ...rest);
    if (kind === "flow") return new Flow(start);
    const Walks = kind === "batch flow" ? BatchFlow : AsyncParallelBatchFlow;
    return Object.assign(new Walks(start), { prep: () => [{ i: 0 }, { i: 1 }] });
  }

  /** Waits while anything moves. Nothing here waits for a timer, so standing still means a deadlock. */
  async settles(all: Promise<unknown>): Promise<void> {
    let settled = false;
    const done = all.finally(() => {
      settled = true;
    });
    let seen = -1;
    for (let still = 0; !settled && still < 100; still++) {
      if (seen !== this.inFlight.total) still = 0;
      seen = this.inFlight.total;
      await turn();
    }
    if (!settled) throw new Error(`Deadlock: ${JSON.stringify(this.gate.stats())}`);
    await done;
    if (this.leftBehind.length > 0) await this.settles(Promise.all(this.leftBehind.splice(0)));
  }

  async slotsAreFree(slots: number): Promise<void> {
    await turn();
    expect(this.gate.stats()).toMatchObject({ running: 0, waiting: 0, pausedUntil: undefined });
    const free = new InFlight();
    await Promise.all(Array.from({ length: slots * 2 }, () => this.gate.run(() => free.during(turn))));
    expect(free.peak).toBe(slots);
  }
}

test.each([
  [1, sized(1_000)],
  [2, sized(300)],
  [3, sized(300)],
])(
  "slots %i: over %i random nestings never more in flight, no deadlock, all slots free at the end",
  async (slots, numRuns) => {
    let deepest = 0;
    let calls = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(work, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        fc.option(fc.nat(12)),
        async (roots, rated, abortAfter) => {
          deepest = Math.max(deepest, ...roots.map(depthOf));
          const rate = rated ? { requests: 1e9, per: 1_000 } : undefined;
          const retryAfter = (error: unknown) => ((error as Error).message === "refused" ? 0 : undefined);
          const nesting = new Nesting(new Gate({ concurrency: slots, rate, retryAfter }));
          const first = new AbortController(); // only the first root is aborted, if any
          const running = roots.map((root, i) =>
            nesting.run(root, undefined, i === 0 ? first.signal : undefined),
          );
          for (let turns = 0; turns < (abortAfter ?? 0); turns++) await turn();
          if (abortAfter !== null) first.abort();
          await nesting.settles(Promise.all(running));
          while (nesting.inFlight.now > 0) await turn(); // what ignored the abort
          calls += nesting.inFlight.total;
          expect(nesting.inFlight.now).toBe(0);
          expect(nesting.inFlight.peak).toBeLessThanOrEqual(slots);
          await nesting.slotsAreFree(slots);
        },
      ),
      { numRuns, seed: 20260101, endOnFailure: false },
    );
    expect(deepest).toBeGreaterThanOrEqual(5);
    expect(calls).toBeGreaterThan(numRuns * 5);
  },
  60_000,
);
