// virtualTime(): a clock that jumps from timer to timer, so that gates, backoffs and timeouts take no real time.
import type * as FakeTimers from "@sinonjs/fake-timers";
import { aDelay, invalidOption } from "sluice/internal";
import { requirePeer } from "./peer.js";
import { drive, settleTurns } from "./real-turns.js";

/** A virtual clock that replaces the clock of the process. */
export interface VirtualTime {
  /** Virtual milliseconds passed so far. */
  readonly now: number;
  /**
   * Calls `work` and, until it settles, jumps to the next timer whenever it waits for nothing else.
   *
   * @returns The result of `work`. @throws What `work` throws; an Error if the real clock was restored before.
   */
  run<T>(work: () => T | PromiseLike<T>): Promise<T>;
  /** Advances the clock by milliseconds and fires every timer that becomes due. @throws SluiceError `INVALID_OPTION` */
  advance(ms: number): Promise<void>;
  /** Restores the real clock. Pending timers are lost. Calling it twice is harmless. */
  restore(): void;
}

/**
 * What the library and programs wait by. `setImmediate` stays real, because the engine yields to the event loop between
 * steps.
 */
const FAKED = ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"] as const;

/**
 * Replaces the clock of the process, with `@sinonjs/fake-timers`: `setTimeout`, `setInterval`, `Date` and
 * `performance.now()`. It depends on no test runner. Restore the real clock at the end of each test.
 *
 * I/O is not virtual: while the work waits for a server, a thread or a file, the clock may jump.
 * `AbortSignal.timeout()` and `node:timers/promises` stay real too.
 *
 * @throws SluiceError `MISSING_PEER` without the package `@sinonjs/fake-timers`; TypeError if timers are already faked.
 * @example
 * ```ts
 * import { Gate } from "sluice";
 * import { virtualTime } from "sluice/testing";
 *
 * const time = virtualTime();
 * const gate = new Gate({ rate: { requests: 1, per: 60_000 } });
 * await time.run(() => Promise.all([1, 2, 3].map((n) => gate.run(() => n)))); // => [1, 2, 3]
 * Math.round(time.now / 60_000); // => 2
 * time.restore();
 * ```
 */
export function virtualTime(): VirtualTime {
  const { withGlobal } = requirePeer("@sinonjs/fake-timers") as typeof FakeTimers;
  const clock = withGlobal(globalThis).install({
    now: Date.now(),
    toFake: [...FAKED],
    ignoreMissingTimers: true,
  });
  const began = clock.now;
  let isRestored = false;
  /** Fires the next timer; returns false if there is none. */
  const step = () => {
    if (isRestored)
      throw new Error("The real time came back before the work had settled: restore() after run()");
    if (clock.countTimers() === 0) return false;
    clock.next();
    return true;
  };
  /** Fires all timers up to its own, and returns how many fired. */
  const stepsUntil = async (delay: number) => {
    let isThere = false;
    clock.setTimeout(() => {
      isThere = true;
    }, delay);
    let steps = 0;
    for (; !isThere; steps++) {
      await settleTurns();
      step();
    }
    await settleTurns();
    return steps;
  };
  return {
    get now() {
      return clock.now - began;
    },
    run: (work) => drive(work, step),
    async advance(ms) {
      if (!aDelay.accepts(ms)) throw invalidOption("time.advance()", "ms", aDelay.expected, ms);
      // Timers that are set last and are due at once fire too.
      for (let delay = ms, fired = 0; fired !== 1; delay = 0) fired = await stepsUntil(delay);
    },
    restore() {
      isRestored = true;
      clock.uninstall();
    },
  };
}
