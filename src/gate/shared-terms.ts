// The limits of a gate as text and as buckets, for a shared limit.
import { SluiceError } from "../base/errors.js";
import { UNLIMITED } from "../base/options.js";
import { Bucket, type Rate } from "./rate.js";
import type { SharedBucket, SharedTerms } from "./shared-limit.js";

/** The buckets of a rate; `null` without a limit. */
export function bucketsOf({ rate }: SharedTerms): {
  readonly requests: SharedBucket | null;
  readonly tokens: SharedBucket | null;
} {
  const bucket = (amount: number | undefined, given: Rate, smallest: number): SharedBucket | null => {
    if (amount === undefined) return null;
    const { perMs, capacity } = new Bucket(amount, given, smallest, 0);
    return { perMs, capacity };
  };
  if (rate === undefined) return { requests: null, tokens: null };
  return { requests: bucket(rate.requests, rate, 1), tokens: bucket(rate.tokens, rate, 0) };
}

/** Formats limits as text: equal limits have equal texts. */
export function inWords({ concurrency, rate }: SharedTerms): string {
  const parts = [concurrency === UNLIMITED ? "no `concurrency`" : `\`concurrency: ${concurrency}\``];
  if (rate === undefined) parts.push("no `rate`");
  else {
    const { requests, tokens, per, burst = 1_000 } = rate;
    const amounts = Object.entries({ requests, tokens, per, burst }).filter(
      ([, value]) => value !== undefined,
    );
    parts.push(`\`rate: { ${amounts.map(([name, value]) => `${name}: ${value}`).join(", ")} }\``);
  }
  return parts.join(", ");
}

/** The error of a gate whose limits differ from those of the others. */
export const differs = (own: string, others: string): SluiceError =>
  new SluiceError(
    "LIMIT_DIFFERS",
    `Gates that share a limit must have the same options: this one has ${own}, and the others have ${others}. Use the same options, or another key; new limits take effect 10 seconds after the last gate with the old ones has ended`,
  );

/** The error of calls at a gate whose limit was closed. */
export const closed = (): SluiceError =>
  new SluiceError("LIMIT_CLOSED", "The shared limit of this gate was closed, so no call can start");
