// explore(): the same run with its async work ending in many orders, each of which can be seen again.
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

/** What a run is made with, one for each run. */
export interface Exploration {
  /** For the option `around`: each `exec` that waits ends when its turn has come. */
  readonly around: Around;
  /** Makes an async function end when its turn has come, for what is not an `exec`: a client in `onResult`, a store. */
  schedule<Args extends unknown[], T>(
    fn: (...args: Args) => PromiseLike<T>,
    name?: string,
  ): (...args: Args) => Promise<T>;
}

/** The options of {@link explore}. */
export interface ExploreOptions {
  /** How many orders are tried. @default 100 */
  readonly runs?: number | undefined;
  /** What the orders come from: an integer. @default another one each time */
  readonly seed?: number | undefined;
  /** Of one order, as the message of a failure names it: it alone is run again. */
  readonly path?: string | undefined;
  /** The ms after which a run that has not ended has failed. @default 5_000 */
  readonly timeout?: number | undefined;
}

const rules: Readonly<Record<string, Rule>> = {
  runs: aCount,
  seed: { expected: "an integer", accepts: Number.isSafeInteger },
  path: aString,
  timeout: aTimeout,
};

/**
 * Runs a flow again and again while its async work ends in another order each time: of all `exec`s that wait at a moment
 * one ends, and what follows from it happens before the next one does. Orders come from a seed, so a failure can be seen again.
 *
 * Stand-ins that answer at once (`async () => "…"`) are best: what really takes time has less choice.
 *
 * @param makeRun - Makes flow and store anew, runs, and throws where the outcome is wrong.
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
  /** Holds back how a promise settles. */
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
