// Finds the wait that an answer requests in its headers or its body. Imports only other readers.
import { isAmount } from "../base/options.js";
import { isRecord } from "../base/realms.js";
import { field, itemsOf } from "./error-parts.js";
import { headerFields } from "./header-fields.js";
import { pointInTime, readWait } from "./wait-text.js";

type Fields = ReadonlyMap<string, string>;

/** Headers in milliseconds, as of OpenAI, Azure and AWS; they are more exact, so they come first. */
const IN_MILLISECONDS = ["retry-after-ms", "x-ms-retry-after-ms", "x-amz-retry-after"];

/** `x-ratelimit-reset`, `x-ratelimit-reset-tokens`, `ratelimit-reset`, `anthropic-ratelimit-requests-reset`. */
const RESET = /^(?:[a-z]+-)?rate-?limit-(?:[a-z\d-]+-)?reset(?:-[a-z\d-]+)?$/;

const isDefined = (wait: number | undefined): wait is number => wait !== undefined;

/** The first wait above 0, because a 0 may contradict another header. */
const firstOf = (waits: readonly number[]): number | undefined => waits.find((wait) => wait > 0) ?? waits[0];

const read = (fields: Fields, name: string, unit: number, now: number): number | undefined =>
  readWait(fields.get(name) ?? "", unit, now);

function retryAfterIn(fields: Fields, now: number): number[] {
  return [
    ...IN_MILLISECONDS.map((name) => read(fields, name, 1, now)),
    read(fields, "retry-after", 1_000, now),
  ].filter(isDefined);
}

/** The remaining share of the limit of a `reset` header, from 0 to 1; `undefined` if unknown. */
function shareLeft(fields: Fields, name: string): number | undefined {
  const sibling = (word: string): number =>
    Number.parseFloat(fields.get(name.replace("reset", word).replace(/-after$/, "")) ?? "");
  const remaining = sibling("remaining");
  if (remaining <= 0) return 0;
  const share = remaining / sibling("limit");
  return share >= 0 && share <= 1 ? share : undefined;
}

/**
 * Picks the limit that refused among several. In this order:
 * 1. Limits with nothing left: the latest reset, because a call needs all of them.
 * 2. The limit with the smallest share left, if that is at most half: a call of many tokens is refused before the limit
 * is used up. A limit with more left is hardly the reason, and waiting for a daily one would take hours. 3. Limits of
 * unknown state: the soonest reset. Asking too early costs one more refusal, asking too late costs time.
 */
function resetIn(fields: Fields, now: number): number | undefined {
  const limits = [...fields.keys()]
    .filter((name) => RESET.test(name))
    .map((name) => ({ wait: read(fields, name, 1_000, now), left: shareLeft(fields, name) }))
    .filter((limit): limit is { wait: number; left: number | undefined } => isDefined(limit.wait));
  const waitsOf = (wanted: number | undefined) =>
    limits.filter(({ left }) => left === wanted).map(({ wait }) => wait);
  const spent = waitsOf(0);
  if (spent.length > 0) return Math.max(...spent);
  const least = Math.min(...limits.map(({ left }) => left ?? 1));
  const candidates = waitsOf(least <= 0.5 ? least : undefined);
  return candidates.length > 0 ? Math.min(...candidates) : undefined;
}

/** A `retryDelay` of Google's RetryInfo: `"7s"`, or over gRPC `{ seconds, nanos }`. */
function readDelay(delay: unknown, now: number): number | undefined {
  if (typeof delay === "string") return readWait(delay, 1_000, now);
  if (!isRecord(delay)) return undefined;
  const amountOf = (name: string): number => {
    const value = field(delay, name) ?? 0;
    return typeof value === "number" || typeof value === "string" ? Number(value) : Number.NaN;
  };
  const wait = amountOf("seconds") * 1_000 + amountOf("nanos") / 1e6;
  return isAmount(wait) ? wait : undefined;
}

const retryInfoIn = (part: object, now: number): number[] =>
  ["details", "statusDetails", "errorDetails"]
    .flatMap((name) => itemsOf(field(part, name)))
    .map((detail) => readDelay(field(detail, "retryDelay"), now))
    .filter(isDefined);

/**
 * Finds the wait that an answer requests: `retry-after-ms` and `retry-after`, then RetryInfo, then the reset of a
 * limit. Points in time are measured against the answer's `date`, so that a wrong local clock does no harm.
 *
 * @param parts - The objects that belong to the error, outermost first.
 * @param now - ms since 1970, for answers without a `date`.
 * @param withResets - Whether the reset of a limit counts. It counts only for a 429, because services send these
 * headers with every answer.
 * @returns Milliseconds; `undefined` if no wait is understood.
 */
export function namedWait(parts: readonly object[], now: number, withResets: boolean): number | undefined {
  const answers = parts
    .flatMap((part) => [field(part, "headers"), field(part, "responseHeaders")])
    .map((headers) => {
      const fields = headerFields(headers);
      return { fields, sent: pointInTime(fields.get("date") ?? "", now) ?? now };
    });
  return firstOf([
    ...answers.flatMap(({ fields, sent }) => retryAfterIn(fields, sent)),
    ...parts.flatMap((part) => retryInfoIn(part, now)),
    ...(withResets ? answers.map(({ fields, sent }) => resetIn(fields, sent)).filter(isDefined) : []),
  ]);
}
