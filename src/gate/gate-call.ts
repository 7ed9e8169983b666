// What a function that runs under a gate is given.
import type { Cancellation } from "../base/cancellation.js";
import { HookSignal } from "../base/hook-signal.js";
import { HELD } from "../base/keys.js";
import type { Grant } from "./grant.js";
import type { Held } from "./held-slots.js";

/** What a function in `gate.run` is given. Hand it to a nested `gate.run` as `ctx`. */
export interface GateContext {
  /** Fires at the abort of the signal or the context that `gate.run` was given. */
  readonly signal: AbortSignal;
  /** The call's real cost in tokens; several charges add up. */
  readonly charge: (tokens: number) => void;
}

/** The engine's side of a {@link GateContext}. */
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
