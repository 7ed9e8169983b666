// For workerd, the runtime of Cloudflare Workers. There a timer, and what follows a promise, belong to the request that
// made them and end with it: another request cannot wake a caller, and a caller that has gone frees nothing. So on
// workerd each call at a gate has a timer of its own, by which it starts itself, and by which others see that it lives.
import type { GateClock } from "./gate-clock.js";

/** How often a call looks whether it can go on, in ms. */
const BEAT = 10;
/** A call whose timer has not fired for so many ms has ended with its request. */
const DEAD_AFTER = 1_000;

/** A call at a gate. */
export interface ScopedCall {
  /** Goes on, if it can. */
  beat(): void;
  /** Returns all its slots and permits, because its request has ended. */
  die(): void;
}

const isWorkerd = (): boolean =>
  (globalThis as { navigator?: { userAgent?: string } }).navigator?.userAgent === "Cloudflare-Workers";

/** The calls of one gate, and when each was last seen. */
export class RequestScopes {
  readonly #clock: GateClock;
  readonly #seen = new Map<ScopedCall, number>();

  constructor(clock: GateClock) {
    this.#clock = clock;
  }

  /**
   * Keeps a call alive with a timer of the request that runs now.
   *
   * @returns What ends that.
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
    if (before === undefined) return; // taken for dead
    this.#seen.set(call, now);
    // After a stall of the whole isolate no request has been seen for long, and all are alive.
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
