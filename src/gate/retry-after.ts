// The public reader of refusals. Imports only refusal.ts.
import { readRefusal } from "./refusal.js";

export { isQuotaExhausted } from "./refusal.js";

/**
 * Reads how long a refused call has to wait; `undefined` if the error is not a refusal.
 *
 * A refusal is a status of 429, a throttling error of an AWS SDK, `RESOURCE_EXHAUSTED`, or a status of 502, 503, 504 or
 * 529 with a wait. It is read from the error, its `response`, the body, the last error of a retry error, or the
 * `cause`. An exhausted quota is not a refusal.
 *
 * The wait comes from `retry-after-ms`; else from `retry-after`, in seconds or as an HTTP date (RFC 9110, section
 * 10.2.3); else from Google's RetryInfo; else, for a 429, from `x-ratelimit-reset` and similar headers. Points in time
 * are measured against the `date` of the answer.
 *
 * @returns Milliseconds; 1,000 for a refusal without a wait. Never throws.
 * @example
 * ```ts
 * import { retryAfter } from "sluice";
 *
 * retryAfter({ status: 429, headers: { "retry-after": "2" } }); // => 2000
 * retryAfter({ status: 503, headers: { "retry-after": "2" } }); // => 2000
 * retryAfter({ status: 429 }); // => 1000
 * retryAfter(new Error("socket hang up")); // => undefined
 * ```
 */
export function retryAfter(error: unknown): number | undefined {
  const refusal = readRefusal(error);
  return refusal === undefined ? undefined : (refusal.wait ?? 1_000);
}
