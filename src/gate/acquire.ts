// The entry of calls to their gates: at once if there is nothing to wait for, otherwise through the queues.
import { SluiceError } from "../base/errors.js";
import type { AcquireRequest } from "./acquire-request.js";
import { Acquisition } from "./acquisition.js";
import { Grant } from "./grant.js";
import type { SlotCarrier } from "./held-slots.js";
import type { Passable } from "./passable.js";
import { reportPauses } from "./pause-log.js";
import type { Verdict } from "./refusal-rules.js";

/** See {@link Passable.tryAcquire}. */
export function tryAcquire(request: AcquireRequest, carrier: SlotCarrier): Grant | undefined {
  const { gates, tokens, borrowedFrom } = request;
  const gate = gates[0];
  // Not here: a borrowed slot may not be free, and permits of several gates must be taken at one moment.
  if (gate === undefined || gates.length > 1 || borrowedFrom !== undefined) return undefined;
  checkCost(gate, tokens);
  // The outcome of such a call affects other calls.
  if (gate.tokenQueue.slowStart !== undefined || gate.scopes !== undefined) return undefined;
  if (carrier.held === undefined && gate.semaphore !== undefined) {
    const slot = gate.semaphore.take();
    if (slot === undefined) return undefined;
    carrier.held = { gate, slot, borrowedFrom: undefined };
  }
  if (!gate.tokenQueue.take(request)) return undefined;
  carrier.ticket = gate.counts.arrived++;
  return new Grant(request, carrier);
}

/** See {@link Passable.acquire}. */
export function acquire<T>(
  request: AcquireRequest,
  call: (grant: Grant) => T | PromiseLike<T>,
  failed?: { readonly error: unknown },
): Promise<T> {
  return new Promise((resolve, reject) => {
    let acquisition: Acquisition<T>;
    let verdict: Verdict | undefined;
    try {
      for (const each of request.gates) checkCost(each, request.tokens);
      const gate = request.gates[0] as Passable;
      if (request.log !== undefined) reportPauses(request.log.pauses, request.gates);
      if (failed !== undefined) verdict = verdictOn(request, gate, failed.error);
      acquisition = new Acquisition<T>(request, gate, call, resolve, reject, failed !== undefined);
    } catch (error) {
      request.onOver?.();
      throw error;
    }
    acquisition.begin(verdict);
  });
}

/** The verdict on a failed call. @throws Its error, if there is no next try. */
function verdictOn(request: AcquireRequest, gate: Passable, error: unknown): Verdict {
  const { carrier } = request;
  const noted = carrier?.verdict;
  if (carrier !== undefined) carrier.verdict = undefined;
  const verdict = noted === undefined ? (gate.refusals.judge(error, 0) ?? null) : noted;
  if (verdict === null || verdict.isLast) throw error;
  return verdict;
}

function checkCost(gate: Passable, tokens: number): void {
  if (tokens <= gate.tokensAPeriod) return;
  throw new SluiceError(
    "COST_TOO_HIGH",
    `A call costs ${tokens} tokens, but its gate gets only ${gate.tokensAPeriod} in a whole period; split the call or raise \`rate.tokens\``,
  );
}
