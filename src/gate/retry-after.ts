// Reads a vendor's "wait" out of an error that its SDK threw. Imports nothing.

const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;

/** Reads a header from a `Headers` object or from a plain one, whatever the case of its names. */
function header(headers: unknown, name: string): string | undefined {
  if (typeof headers !== "object" || headers === null) return undefined;
  const get = field(headers, "get");
  if (typeof get === "function") return (get.call(headers, name) as string | null | undefined) ?? undefined;
  for (const [key, value] of Object.entries(headers)) {
    if (key.toLowerCase() === name && value !== undefined && value !== null) return String(value);
  }
  return undefined;
}

/** Milliseconds from a header's text, when it is a number from 0 up. */
function amount(text: string | undefined, unit: number): number | undefined {
  if (text === undefined || text.trim() === "") return undefined;
  const value = Number(text) * unit;
  return value >= 0 && value < Number.POSITIVE_INFINITY ? value : undefined;
}

/** Tells an account with nothing left to spend, which waiting does not mend. */
export function isQuotaExhausted(error: unknown): boolean {
  return [error, field(error, "error")].some(
    (part) => field(part, "code") === "insufficient_quota" || field(part, "type") === "insufficient_quota",
  );
}

/**
 * Gives the pause that a failed call asks for: `undefined` unless its `status` is 429.
 *
 * Headers are looked for in `error.headers`, `error.response.headers` and `error.responseHeaders`: first
 * `retry-after-ms`, then `retry-after` in seconds or as an HTTP date (RFC 9110, section 10.2.3).
 *
 * @returns Milliseconds; 1,000 when the vendor does not say. An exhausted quota gives `undefined`.
 * @example
 * ```ts
 * import { retryAfter } from "sluice";
 *
 * retryAfter({ status: 429, headers: { "retry-after": "2" } }); // => 2000
 * retryAfter(new Error("socket hang up")); // => undefined
 * ```
 */
export function retryAfter(error: unknown): number | undefined {
  const response = field(error, "response");
  const status = field(error, "status") ?? field(error, "statusCode") ?? field(response, "status");
  if (status !== 429 || isQuotaExhausted(error)) return undefined;
  const sources = [field(error, "headers"), field(response, "headers"), field(error, "responseHeaders")];
  for (const headers of sources) {
    const text = header(headers, "retry-after");
    const exact = amount(header(headers, "retry-after-ms"), 1) ?? amount(text, 1_000);
    if (exact !== undefined) return exact;
    // Date.parse takes "-5" for a year; a date of HTTP begins with the name of a day.
    const date = /^\s*[a-z]/i.test(text ?? "") ? Date.parse(text as string) : Number.NaN;
    if (!Number.isNaN(date)) return Math.max(0, date - Date.now());
  }
  return 1_000;
}
