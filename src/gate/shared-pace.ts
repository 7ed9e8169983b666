// When it makes sense for a gate to ask its shared limit again.
import { UNLIMITED } from "../base/options.js";
import type { LimitReply, LimitRequest } from "./shared-limit.js";

/** While the rate binds, the ms between two requests on average; spread, so that no process is always the first. */
const PACE = 15;
/** The ms before another try where the limit is out of reach. */
const RETRY = 100;
/** A gate that cannot start calls asks at least every so many ms. */
const LONGEST = 500;

/** The next moments to ask, by the clock; 0 for at once. */
export class SharedPace {
  /** Written by each reply. */
  permitsAt = 0;
  slotsAt = 0;

  failed(now: number): void {
    this.permitsAt = this.slotsAt = now + RETRY;
  }

  /** Returns the ms for which nothing at all is granted, although no pause is on; 0 where there was something. */
  received(
    request: LimitRequest,
    { calls, wait, slots, poll, pause }: LimitReply,
    sent: number,
    now: number,
  ) {
    const startable = request.slots === null ? UNLIMITED : request.ready + Math.max(0, slots - request.held);
    const isShort = calls < Math.min(request.calls.length, startable);
    if (!isShort) this.permitsAt = 0;
    else if (calls === 0) this.permitsAt = now + Math.min(Math.max(wait, 1), LONGEST);
    else this.permitsAt = sent + PACE * (0.5 + Math.random());
    this.slotsAt = slots < request.wanted ? now + poll : 0;
    return calls === 0 && pause === 0 ? wait : 0;
  }
}
