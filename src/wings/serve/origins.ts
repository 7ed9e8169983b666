// CORS: which pages of other origins may call a handler, and which browser requests are refused.
import type { Rule } from "sluice/internal";
import { Refusal } from "./refusal.js";

/** Origins whose pages may call: a list such as `["https://app.example"]`, or `"*"`. */
export type Origins = readonly string[] | "*";

const isOrigin = (value: unknown): boolean =>
  typeof value === "string" && URL.canParse(value) && new URL(value).origin === value;

export const originsRule: Rule = {
  expected: 'an array of origins such as "https://app.example", without a path, or "*"',
  accepts: (value) => value === "*" || (Array.isArray(value) && value.every(isOrigin)),
};

/** Seconds for which a browser may cache a preflight. */
const MAX_AGE = "600";
const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);
/** The list of headers in a preflight. */
const NAMES = /^[\w!#$%&'*+.^`|~-]+(?:\s*,\s*[\w!#$%&'*+.^`|~-]+)*$/;

/** Returns the CORS headers of an answer to an allowed origin. */
export function corsHeaders({ headers }: Request, origins: Origins): Record<string, string> {
  const origin = headers.get("origin");
  if (origin === null || !isAllowed(origin, origins)) return origins.length === 0 ? {} : { vary: "origin" };
  return {
    "access-control-allow-origin": origins === "*" ? "*" : origin,
    "access-control-expose-headers": "retry-after, x-run-id",
    vary: "origin",
  };
}

/** Answers a preflight (OPTIONS). */
export function preflight({ headers }: Request, origins: Origins, allow: string): Response {
  const origin = headers.get("origin");
  const wanted = headers.get("access-control-request-headers") ?? "";
  const isAsked =
    origin !== null && headers.has("access-control-request-method") && isAllowed(origin, origins);
  const grants = {
    "access-control-allow-methods": allow,
    "access-control-allow-headers": NAMES.test(wanted) ? wanted : "authorization, content-type",
    "access-control-max-age": MAX_AGE,
  };
  return new Response(null, { status: 204, headers: { allow, ...(isAsked ? grants : {}) } });
}

/**
 * Refuses requests of pages of other origins. It does not rely on preflights, which a proxy may answer. Only browsers
 * send these headers, and a page cannot forge them.
 *
 * @throws Refusal 403
 */
export function refuseForeign({ method, headers, url }: Request, origins: Origins): void {
  const origin = headers.get("origin");
  if (SAFE.has(method) || (origin !== null && isAllowed(origin, origins))) return;
  const site = headers.get("sec-fetch-site");
  if (site === "same-origin" || site === "none") return;
  if (site === null && (origin === null || isSameHost(origin, url, headers))) return;
  throw new Refusal(403, "Expected a page of the same origin, or of one that `origins` lists");
}

const isAllowed = (origin: string, origins: Origins): boolean => origins === "*" || origins.includes(origin);

/** The scheme may differ, because a proxy may terminate TLS. */
function isSameHost(origin: string, url: string, headers: Headers): boolean {
  if (!URL.canParse(origin)) return false;
  const { host } = new URL(origin);
  return host === new URL(url, "http://localhost").host || host === headers.get("host");
}
