// virtualTime(): a clock that jumps from timer to timer, so that gates, backoffs and timeouts take no time.
import type * as FakeTimers from "@sinonjs/fake-timers";
import { aDelay, invalidOption } from "sluice/internal";
import { requirePeer } from "./peer.js";
import { drive, settleTurns } from "./real-turns.js";

/** A clock that has replaced that of the process. */
export interface VirtualTime {
  /** The ms that have passed on it. */
  readonly now: number;
  /**
   * Calls `work` and jumps to the next timer wherever it waits for nothing else, until it has settled.
   *
   * @returns What `work` gives. @throws What it throws; an Error if the real time came back before.
   */
  run<T>(work: () => T | PromiseLike<T>): Promise<T>;
  /** Lets so many ms pass, and with them every timer that is due. @throws SluiceError `INVALID_OPTION` */
  advance(ms: number): Promise<void>;
  /** Brings the real time back. Timers that wait are lost. May be called twice. */
  restore(): void;
}

/** What the library and programs wait by. Event-loop turns stay real: the engine takes one between steps at times. */
const FAKED = ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"] as const;

/**
 * Replaces the clock of the process, with `@sinonjs/fake-timers`: `setTimeout`, `setInterval`, `Date` and
 * `performance.now()`. It depends on no test runner. Restore the real time at the end of each test.
 *
 * What the system does is not virtual: while it waits for a server, a thread or a file, time may jump. `AbortSignal.timeout()`
 * and `node:timers/promises` stay real too.
 *
 * @throws SluiceError `MISSING_PEER` without the package `@sinonjs/fake-timers`; a TypeError where timers are faked already.
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
  /** Fires the next timer; false where there is none. */
  const step = () => {
    if (isRestored)
      throw new Error("The real time came back before the work had settled: restore() after run()");
    if (clock.countTimers() === 0) return false;
    clock.next();
    return true;
  };
  /** Fires all timers up to one of its own, and gives how many those were. */
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
      // Timers that are set in the end and are due at once fire too.
      for (let delay = ms, fired = 0; fired !== 1; delay = 0) fired = await stepsUntil(delay);
    },
    restore() {
      isRestored = true;
      clock.uninstall();
    },
  };
}
