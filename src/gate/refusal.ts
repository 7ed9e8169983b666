// Turns the error that a client threw into "refused, wait this long". Reads only; what a gate makes of it is not
// decided here. Imports only the readers beside it.
import { field, partsOf, textField } from "./error-parts.js";
import { statusIn, statusOfPart } from "./error-status.js";
import { namedWait } from "./named-wait.js";
import { isExhausted } from "./quota.js";

export { statusOf } from "./error-status.js";
export { isQuotaExhausted } from "./quota.js";

/** What a service said when it refused a call. */
export interface Refusal {
  /** `rate`: a limit is reached. `overload`: the service is in trouble (502, 503, 504, 529) and names a wait. */
  readonly kind: "rate" | "overload";
  /** The wait that the answer names, in ms; `undefined` where it names none that is understood. */
  readonly wait: number | undefined;
}

/** Statuses that are a refusal only where the answer names a wait. */
const OVERLOADED: ReadonlySet<number> = new Set([502, 503, 504, 529]);

/** Names of a reached limit, for errors without a status of 429, such as those within a stream. */
const THROTTLED: ReadonlySet<unknown> = new Set([
  // What the retry code of the AWS SDK takes for throttling (@smithy/core, service-error-classification).
  "BandwidthLimitExceeded",
  "EC2ThrottledException",
  "LimitExceededException",
  "PriorRequestNotComplete",
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "RequestThrottled",
  "RequestThrottledException",
  "SlowDown",
  "ThrottledException",
  "Throttling",
  "ThrottlingException",
  "TooManyRequestsException",
  "TransactionInProgressException",
  "RESOURCE_EXHAUSTED", // Google and gRPC
  "rate_limit_error", // Anthropic
  "rate_limit_exceeded", // OpenAI
]);

/** How grpc-js begins its message. It also says so of a message over the size limit, which no wait mends. */
const GRPC = /^8 RESOURCE_EXHAUSTED: (?!.{0,80}larger than max)/;

const isThrottled = (part: object): boolean =>
  ["name", "code", "type", "status"].some((name) => THROTTLED.has(field(part, name))) ||
  field(field(part, "$retryable"), "throttling") === true ||
  GRPC.test(textField(part, "message") ?? "");

function refusalIn(parts: readonly object[], now: number): Refusal | undefined {
  if (isExhausted(parts)) return undefined;
  // The outermost part that says anything decides: a 400 that was caused by a 429 is a 400.
  for (const part of parts) {
    const status = statusOfPart(part);
    if (status === 429 || isThrottled(part)) return { kind: "rate", wait: namedWait(parts, now, true) };
    if (status === undefined) continue;
    const wait = OVERLOADED.has(status) ? namedWait(parts, now, false) : undefined;
    return wait === undefined ? undefined : { kind: "overload", wait };
  }
  return undefined;
}

/**
 * Reads whether an error is a service's refusal, and for how long. Never throws, not even where the error does
 * when it is read.
 *
 * @param now - ms since 1970, for points in time in answers that have no `date`. @default Date.now()
 * @returns `undefined` for an error that is no refusal. An exhausted quota is none.
 */
export const readRefusal = (error: unknown, now: number = Date.now()): Refusal | undefined =>
  refusalIn(partsOf(error), now);

const SUSPICIOUS =
  /rate[ _-]?limit|too[ _-]?many[ _-]?requests|throttl|quota.{0,20}exceed|exceed.{0,30}quota|resource[ _](?:has been )?exhausted|overloaded|slow[ _]?down|^429\b|\b(?:status|code|http|error)\W{0,3}429\b/i;

/**
 * Whether an error's texts read like a refusal, although {@link readRefusal} does not understand it as one. A
 * status of 500 or more is understood, whatever the text: it is a failure unless it names a wait.
 */
export function looksLikeRefusal(error: unknown): boolean {
  const parts = partsOf(error);
  if (refusalIn(parts, 0) !== undefined || isExhausted(parts) || (statusIn(parts) ?? 0) >= 500) return false;
  const texts = parts.flatMap((part) =>
    ["message", "name", "code", "type", "status", "statusText", "error"].map((name) => textField(part, name)),
  );
  return [...texts, error].some((text) => typeof text === "string" && SUSPICIOUS.test(text.slice(0, 2_000)));
}
