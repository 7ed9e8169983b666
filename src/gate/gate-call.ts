// The context of a function that runs under a gate.
import type { Cancellation } from "../base/cancellation.js";
import { HookSignal } from "../base/hook-signal.js";
import { HELD } from "../base/keys.js";
import type { Grant } from "./grant.js";
import type { Held } from "./held-slots.js";

/** The context of a function in `gate.run`. Pass it to a nested `gate.run` as `ctx`. */
export interface GateContext {
  /** Fires at the abort of the options `signal` or `ctx` of `gate.run`. */
  readonly signal: AbortSignal;
  /** Reports the actual cost of the call in tokens; several charges add up. */
  readonly charge: (tokens: number) => void;
}

/** The implementation of {@link GateContext}. */
export class GateCall implements GateContext {
  readonly charge: (tokens: number) => void;
  readonly cancellation: Cancellation | undefined;
  readonly [HELD]: Held | undefined;
  #signal: HookSignal | undefined;
  #over = false;

  constructor(grant: Grant, cancellation: Cancellation | undefined) {
    this.charge = (tokens) => {
      if (!this.#over && cancellation?.abandoning !== true) grant.charge(tokens);
    };
    this.cancellation = cancellation;
    this[HELD] = grant.held;
  }

  get signal(): AbortSignal {
    this.#signal ??= new HookSignal(this.cancellation);
    return this.#signal.signal;
  }

  close(): void {
    this.#over = true;
    this.#signal?.close();
  }
}
