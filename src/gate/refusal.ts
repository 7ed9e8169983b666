// Reads from a client's error whether the service refused the call and for how long. Imports only other readers.
import { field, partsOf, textField } from "./error-parts.js";
import { statusIn, statusOfPart } from "./error-status.js";
import { namedWait } from "./named-wait.js";
import { isExhausted } from "./quota.js";

export { statusOf } from "./error-status.js";
export { isQuotaExhausted } from "./quota.js";

/** A refusal of a service. */
export interface Refusal {
  /** `rate`: a limit is reached. `overload`: the service is overloaded (502, 503, 504, 529) and requests a wait. */
  readonly kind: "rate" | "overload";
  /** The requested wait, in ms; `undefined` if none is understood. */
  readonly wait: number | undefined;
}

/** Statuses that are a refusal only if the answer requests a wait. */
const OVERLOADED: ReadonlySet<number> = new Set([502, 503, 504, 529]);

/** Error codes of a reached limit, for errors without status 429, such as those in a stream. */
const THROTTLED: ReadonlySet<unknown> = new Set([
  // The throttling errors of the AWS SDK (@smithy/core, service-error-classification).
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

/** The start of grpc-js messages, without those about a message over the size limit, which no wait fixes. */
const GRPC = /^8 RESOURCE_EXHAUSTED: (?!.{0,80}larger than max)/;

const isThrottled = (part: object): boolean =>
  ["name", "code", "type", "status"].some((name) => THROTTLED.has(field(part, name))) ||
  field(field(part, "$retryable"), "throttling") === true ||
  GRPC.test(textField(part, "message") ?? "");

function refusalIn(parts: readonly object[], now: number): Refusal | undefined {
  if (isExhausted(parts)) return undefined;
  // The outermost part with a status decides: a 400 that was caused by a 429 is a 400.
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
 * Reads whether an error is a service's refusal, and for how long. Never throws, even if reading the error does.
 *
 * @param now - ms since 1970, for points in time in answers that have no `date`. @default Date.now()
 * @returns The refusal; `undefined` for any other error, such as an exhausted quota.
 */
export const readRefusal = (error: unknown, now: number = Date.now()): Refusal | undefined =>
  refusalIn(partsOf(error), now);

const SUSPICIOUS =
  /rate[ _-]?limit|too[ _-]?many[ _-]?requests|throttl|quota.{0,20}exceed|exceed.{0,30}quota|resource[ _](?:has been )?exhausted|overloaded|slow[ _]?down|^429\b|\b(?:status|code|http|error)\W{0,3}429\b/i;

/**
 * Whether the texts of an error look like a refusal that {@link readRefusal} does not recognise. A status of 500 or
 * more never does: it is a failure unless it requests a wait.
 */
export function looksLikeRefusal(error: unknown): boolean {
  const parts = partsOf(error);
  if (refusalIn(parts, 0) !== undefined || isExhausted(parts) || (statusIn(parts) ?? 0) >= 500) return false;
  const texts = parts.flatMap((part) =>
    ["message", "name", "code", "type", "status", "statusText", "error"].map((name) => textField(part, name)),
  );
  return [...texts, error].some((text) => typeof text === "string" && SUSPICIOUS.test(text.slice(0, 2_000)));
}
