// What a worker of a fan-out carries from item to item.

import type { AcquireRequest } from "../gate/acquire-request.js";
import type { Grant } from "../gate/grant.js";
import { type Held, releaseCarried, type SlotCarrier } from "../gate/held-slots.js";
import type { Closer, StepContext } from "./step-context.js";

/** One of the N that pull from the same source. */
export class Worker implements SlotCarrier, Closer {
  held: Held | undefined = undefined;
  ticket: number | undefined = undefined;
  verdict: SlotCarrier["verdict"] = undefined;
  item: unknown = undefined;
  index = -1;
  /** Attempts that the current item has had; 0 in a first one that is made without {@link attempt}. */
  tries = 0;
  /** The context of the current item's first attempt, if it must be closed. */
  ctx: StepContext | undefined = undefined;
  /** What that attempt has of its gates. */
  grant: Grant | undefined = undefined;
  /** How its calls pass their gates, as long as they cost the same. */
  request: AcquireRequest | undefined = undefined;
  /** What `cost()` gave for the current item's first attempt, until the attempts take it. */
  cost: unknown = undefined;
  /** Whether a fallback stands in for the work; written by the attempts. */
  recovered = false;
  /** The forked store of the current iteration, once its walk has succeeded. */
  local: { readonly store: unknown } | undefined = undefined;

  /** Ends what the current item has. */
  end(): undefined {
    if (this.ctx !== undefined) {
      this.ctx.close();
      this.ctx = undefined;
    }
    if (this.grant !== undefined) this.endPermit();
  }

  /** Ends an attempt that failed: one that was refused keeps its place and its slot. */
  failPermit(error: unknown): void {
    const { grant } = this;
    this.grant = undefined;
    this.verdict = undefined;
    try {
      grant?.fail(error);
    } catch {
      // The gate's `retryAfter` failed; it is called again where that counts as a failure of the attempt.
    }
  }

  /** Gives what `cost()` gave for the current item's first attempt, if it was called already. */
  takeCost(): unknown {
    const { cost } = this;
    this.cost = undefined;
    return cost;
  }

  /** Releases the slots that it carries, but for those that its run has borrowed. */
  releaseSlots(borrowedFrom: Held | undefined): void {
    releaseCarried(this, borrowedFrom);
  }

  endPermit(): void {
    this.grant?.end();
    this.grant = undefined;
  }
}
