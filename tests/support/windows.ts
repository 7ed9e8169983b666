// The promise about windows, as DESIGN.md section 3 states it, checked on a list of starts.
import type { Rate } from "sluice";

/** What counts against a rate, and when: the start of a call, or a charge that settles its tokens. */
export interface Spent {
  readonly at: number;
  readonly requests: number;
  readonly tokens: number;
  /** A charge is no start: no window ends with it. */
  readonly isCharge?: boolean;
}

/**
 * Finds a window in which more was started than `max(burst × rate, the largest single cost) + t × rate`.
 *
 * @param lag - How many ms may have passed between the moment a call was let go and the moment it was seen.
 * @param dearest - Tokens of the dearest call that has waited, started or not: what it saves up a charge may use.
 * @returns A sentence about the worst such window, or `undefined` when the promise holds.
 */
export function brokenWindow(spent: readonly Spent[], rate: Rate, lag = 0, dearest = 0): string | undefined {
  for (const kind of ["requests", "tokens"] as const) {
    const amount = rate[kind];
    if (amount === undefined) continue;
    const perMs = amount / rate.per;
    const largest = Math.max(...spent.map((each) => (each.isCharge ? 0 : each[kind])));
    const atOnce = Math.max(perMs * (rate.burst ?? 1_000), largest, kind === "tokens" ? dearest : 0);
    for (const [first, from] of spent.entries()) {
      let sum = 0;
      for (let last = first; last < spent.length; last++) {
        const to = spent[last]!;
        sum += to[kind];
        const allowed = atOnce + (to.at - from.at + lag) * perMs;
        if (!to.isCharge && sum > allowed + 1e-6) {
          return `${sum} ${kind} in the ${to.at - from.at} ms from ${from.at}, allowed ${allowed}`;
        }
      }
    }
  }
  return undefined;
}
