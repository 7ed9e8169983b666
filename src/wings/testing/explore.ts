// explore(): runs a flow with its async work settling in many orders, each of which can be replayed.
import type * as FastCheck from "fast-check";
import type { Around } from "sluice";
import {
  aCount,
  aFunction,
  aString,
  aTimeout,
  checkOptions,
  describe,
  invalidOption,
  isThenable,
  type Rule,
} from "sluice/internal";
import { requirePeer } from "./peer.js";
import { drive } from "./real-turns.js";

/** The scheduler of one run. */
export interface Exploration {
  /** For the option `around`: delays the end of each async `exec` until the scheduler picks it. */
  readonly around: Around;
  /**
   * Wraps an async function that is not an `exec`, such as a client in `onResult`, so that the scheduler picks when it
   * ends.
   */
  schedule<Args extends unknown[], T>(
    fn: (...args: Args) => PromiseLike<T>,
    name?: string,
  ): (...args: Args) => Promise<T>;
}

/** The options of {@link explore}. */
export interface ExploreOptions {
  /** The number of orders to try. @default 100 */
  readonly runs?: number | undefined;
  /** The seed of the orders, an integer. @default random */
  readonly seed?: number | undefined;
  /** The path of one order, from the message of a failure: only this order is run. */
  readonly path?: string | undefined;
  /** Milliseconds after which a run fails. @default 5_000 */
  readonly timeout?: number | undefined;
}

const rules: Readonly<Record<string, Rule>> = {
  runs: aCount,
  seed: { expected: "an integer", accepts: Number.isSafeInteger },
  path: aString,
  timeout: aTimeout,
};

/**
 * Runs a flow many times, with its async work settling in a different order each time: of all pending `exec`s one ends,
 * and everything that follows from it happens before the next one ends. The orders come from a seed, so a failure can
 * be replayed.
 *
 * Use stand-ins that answer at once (`async () => "…"`): real delays leave fewer orders to choose from.
 *
 * @param makeRun - Creates a flow and a store, runs the flow, and throws if the outcome is wrong.
 * @throws Error with seed, path and order of the first failure, which is its `cause`; SluiceError `MISSING_PEER` without the
 * package `fast-check`, `INVALID_OPTION`, `UNKNOWN_OPTION`.
 * @example
 * ```ts
 * import { Flow, node, parallel } from "sluice";
 * import { explore } from "sluice/testing";
 *
 * interface Shared { winner?: string }
 * const race = (name: string) =>
 *   node({ name, exec: async () => name, post: (shared: Shared, _prepared, value) => { shared.winner ??= value; } });
 * const winners = new Set<string | undefined>();
 * await explore(async ({ around }) => {
 *   const shared: Shared = {};
 *   await new Flow(parallel([race("a"), race("b")])).run(shared, { around });
 *   winners.add(shared.winner);
 * }, { runs: 20, seed: 1 });
 * [...winners].sort(); // => ["a", "b"]
 * ```
 */
export async function explore(
  makeRun: (exploration: Exploration) => unknown,
  options: ExploreOptions = {},
): Promise<void> {
  if (!aFunction.accepts(makeRun)) throw invalidOption("explore()", "makeRun", aFunction.expected, makeRun);
  checkOptions("explore()", options, rules);
  const fc = requirePeer("fast-check") as typeof FastCheck;
  const { runs = 100, seed, path, timeout = 5_000 } = options;
  const property = fc.asyncProperty(fc.scheduler(), async (scheduler) => {
    const last = performance.now() + timeout;
    const step = () => {
      if (performance.now() > last) throw new Error(`The run has not ended after ${timeout} ms`);
      return scheduler.count() > 0 && scheduler.waitNext(1);
    };
    await drive(() => makeRun(explorationOf(scheduler)), step);
  });
  const details = await fc.check(property, {
    numRuns: runs,
    endOnFailure: true,
    ...(seed !== undefined && { seed }),
    ...(path !== undefined && { path }),
  });
  if (!details.failed) return;
  const { errorInstance, counterexample, counterexamplePath } = details;
  const again = `{ seed: ${details.seed}, path: "${counterexamplePath}" }`;
  const order = counterexample?.[0]
    .report()
    .map(({ label, status }) => `  ${label} ${status}`)
    .join("\n");
  throw new Error(
    `Run ${details.numRuns} of ${runs} failed: ${describe(errorInstance)}\nTo see it again: explore(makeRun, ${again})\nIn this order:\n${order}`,
    { cause: errorInstance },
  );
}

function explorationOf(scheduler: FastCheck.Scheduler): Exploration {
  const hold = (label: string) => scheduler.schedule(Promise.resolve(), label);
  /** Delays the settlement of a promise. */
  const held = async <T>(work: PromiseLike<T>, label: string): Promise<T> => {
    try {
      return await work;
    } finally {
      await hold(label);
    }
  };
  return {
    around: (span, next) => {
      const result = next();
      if (span.kind !== "attempt" || !isThenable(result)) return result;
      const index = span.index === undefined ? "" : ` [${span.index}]`;
      return held(result, `${span.path.join(" / ")}${index}`);
    },
    schedule:
      (fn, name = fn.name || "a call") =>
      (...args) =>
        held(fn(...args), name),
  };
}
