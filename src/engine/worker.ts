// A worker of a fan-out and its state from item to item.

import { type Listener, Pending } from "../base/awaitable.js";
import type { AcquireRequest } from "../gate/acquire-request.js";
import type { Grant } from "../gate/grant.js";
import { type Held, releaseCarried, type SlotCarrier } from "../gate/held-slots.js";
import type { Closer, StepContext } from "./step-context.js";

/** In place of a result: the worker takes its next item. */
export const NO_RESULT = Symbol("no result");
/** In place of a result: the worker ends. */
export const OVER = Symbol("over");

/** The fan-out of a worker. Neither method may throw. */
export interface Employer {
  /** Takes a result, `NO_RESULT` or `OVER`. */
  goOn(worker: Worker, value: unknown): void;
  fail(worker: Worker, error: unknown): void;
}

/** One of the N workers that pull from one source. */
export class Worker implements SlotCarrier, Closer, Listener {
  readonly #employer: Employer;
  #onValue: ((value: unknown) => void) | undefined;
  #onError: ((error: unknown) => void) | undefined;
  held: Held | undefined = undefined;
  ticket: number | undefined = undefined;
  verdict: SlotCarrier["verdict"] = undefined;
  item: unknown = undefined;
  index = -1;
  /** Attempts of the current item; 0 during a first attempt on the short path. */
  tries = 0;
  /** The context of the current item's first attempt, if it must be closed. */
  ctx: StepContext | undefined = undefined;
  /** The grant of that attempt. */
  grant: Grant | undefined = undefined;
  /** The request of its calls, reused while they have the same cost. */
  request: AcquireRequest | undefined = undefined;
  /** The result of `cost()` for the current item's first attempt, until the attempts take it. */
  cost: unknown = undefined;
  /** Whether the result is that of a fallback; written by the attempts. */
  recovered = false;
  /** The forked store of the current iteration, once its walk has succeeded. */
  local: { readonly store: unknown } | undefined = undefined;

  constructor(employer: Employer) {
    this.#employer = employer;
  }

  /** Continues when work settles: in the same turn for a {@link Pending}. */
  wait(work: PromiseLike<unknown>): void {
    if (work instanceof Pending) {
      work.listen(this);
      return;
    }
    const employer = this.#employer;
    this.#onValue ??= employer.goOn.bind(employer, this); // once, and not for each item
    this.#onError ??= employer.fail.bind(employer, this);
    Promise.resolve(work).then(this.#onValue, this.#onError);
  }

  succeeded(value: unknown): void {
    this.#employer.goOn(this, value);
  }

  failed(error: unknown): void {
    this.#employer.fail(this, error);
  }

  /** Releases what the current item holds. */
  end(): void {
    if (this.ctx !== undefined) {
      this.ctx.close();
      this.ctx = undefined;
    }
    if (this.grant !== undefined) this.endPermit();
  }

  /** Ends a failed attempt; after a refusal it keeps its place and its slot. */
  failPermit(error: unknown): void {
    const { grant } = this;
    this.grant = undefined;
    this.verdict = undefined;
    try {
      grant?.fail(error);
    } catch {
      // The gate's `retryAfter` threw; it is called again where its error counts as the failure of the attempt.
    }
  }

  /** Returns the result of `cost()` for the current item's first attempt, if it was called already. */
  takeCost(): unknown {
    const { cost } = this;
    this.cost = undefined;
    return cost;
  }

  /** Releases the slots that it carries, except those that its run has borrowed. */
  releaseSlots(borrowedFrom: Held | undefined): void {
    releaseCarried(this, borrowedFrom);
  }

  endPermit(): void {
    this.grant?.end();
    this.grant = undefined;
  }
}
