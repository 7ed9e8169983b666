// The times of a gate's next requests to its shared limit.
import { UNLIMITED } from "../base/options.js";
import type { LimitReply, LimitRequest } from "./shared-limit.js";

/**
 * The average milliseconds between two requests while the rate is the bottleneck; randomised, so that no process is
 * always first.
 */
const PACE = 15;
/** Milliseconds before the next try if the limit is unreachable. */
const RETRY = 100;
/** The maximum milliseconds between the requests of a gate that cannot start calls. */
const LONGEST = 500;

const STANDSTILL = "the shared limit is new or has lost its state: it grants nothing";

/** The times of the next requests, by the clock; 0 for now. */
export class SharedPace {
  /** Written by each reply. */
  permitsAt = 0;
  slotsAt = 0;

  failed(now: number): void {
    this.permitsAt = this.slotsAt = now + RETRY;
  }

  /** Updates the times by a reply. Returns the reason why nothing is granted, unless that is a pause. */
  received(
    request: LimitRequest,
    { calls, wait, slots, poll, pause }: LimitReply,
    sent: number,
    now: number,
  ): string | undefined {
    const startable = request.slots === null ? UNLIMITED : request.ready + Math.max(0, slots - request.held);
    const isShort = calls < Math.min(request.calls.length, startable);
    if (!isShort) this.permitsAt = 0;
    else if (calls === 0) this.permitsAt = now + Math.min(Math.max(wait, 1), LONGEST);
    else this.permitsAt = sent + PACE * (0.5 + Math.random());
    this.slotsAt = slots < request.wanted ? now + poll : 0;
    const isStill = calls === 0 && pause === 0 && wait > 0;
    return isStill ? `${STANDSTILL} for ${Math.ceil(wait)} ms` : undefined;
  }
}
