// A worker of a fan-out and its state from item to item.

import type { AcquireRequest } from "../gate/acquire-request.js";
import type { Grant } from "../gate/grant.js";
import { type Held, releaseCarried, type SlotCarrier } from "../gate/held-slots.js";
import type { Closer, StepContext } from "./step-context.js";

/** One of the N workers that pull from one source. */
export class Worker implements SlotCarrier, Closer {
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

  /** Releases what the current item holds. */
  end(): undefined {
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
