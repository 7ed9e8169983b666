// For workerd, the runtime of Cloudflare Workers. There timers and promise reactions belong to the request that created
// them and end with it: another request cannot wake a caller, and an ended request releases nothing. So on workerd each
// call at a gate has its own timer, which starts it and proves that it is alive.
import type { GateClock } from "./gate-clock.js";

/** Milliseconds between two checks of a call whether it can continue. */
const BEAT = 10;
/** Milliseconds without a timer event after which a call counts as ended with its request. */
const DEAD_AFTER = 1_000;

/** A call at a gate. */
export interface ScopedCall {
  /** Continues, if it can. */
  beat(): void;
  /** Returns all its slots and permits, because its request has ended. */
  die(): void;
}

const isWorkerd = (): boolean =>
  (globalThis as { navigator?: { userAgent?: string } }).navigator?.userAgent === "Cloudflare-Workers";

/** The calls of one gate, and the last sign of life of each. */
export class RequestScopes {
  readonly #clock: GateClock;
  readonly #seen = new Map<ScopedCall, number>();

  constructor(clock: GateClock) {
    this.#clock = clock;
  }

  /**
   * Keeps a call alive with a timer of the current request.
   *
   * @returns A function that stops the timer.
   */
  enter(call: ScopedCall): () => void {
    this.#seen.set(call, this.#clock.now());
    const timer = setInterval(() => this.#beat(call), BEAT);
    return () => {
      clearInterval(timer);
      this.#seen.delete(call);
    };
  }

  #beat(call: ScopedCall): void {
    const now = this.#clock.now();
    const before = this.#seen.get(call);
    if (before === undefined) return; // considered dead
    this.#seen.set(call, now);
    // After a stall of the whole isolate all requests are silent but alive.
    if (now - before < DEAD_AFTER / 2) this.#bury(now);
    call.beat();
  }

  #bury(now: number): void {
    for (const [call, seen] of this.#seen) {
      if (now - seen < DEAD_AFTER) continue;
      this.#seen.delete(call);
      call.die();
    }
  }
}

/** Returns the scopes of a gate on workerd, and `undefined` anywhere else. */
export const scopesOn = (clock: GateClock): RequestScopes | undefined =>
  isWorkerd() ? new RequestScopes(clock) : undefined;
