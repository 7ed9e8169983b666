// Reads the headers of an answer from the containers that clients use. Imports only readers of properties.
import { isRecord } from "../base/realms.js";
import { field, itemsOf } from "./error-parts.js";

/** The maximum of headers read per answer. */
const MOST_HEADERS = 200;

/** The headers to look up if they cannot be listed. */
const LOOKED_UP = [
  "date",
  "retry-after",
  "retry-after-ms",
  "x-ratelimit-reset",
  "x-ratelimit-reset-requests",
  "x-ratelimit-reset-tokens",
];

/** The text of a header: a string, a number, or the first of a list. */
function textOf(value: unknown): string | undefined {
  const first = itemsOf(value)[0] ?? value;
  return typeof first === "string" || typeof first === "number" ? String(first) : undefined;
}

/** Names and values of a `Headers` of any realm, a Map, an array of pairs or a record. */
const pairsOf = (headers: object): Iterable<unknown> =>
  Symbol.iterator in headers
    ? (headers as Iterable<unknown>)
    : Object.keys(headers).map((name) => [name, field(headers, name)]);

/**
 * Reads headers into a Map with names in lower case, from a `Headers`, a Map, an array of pairs, a record in any
 * case, or an object with only a `get(name)`. Never throws: unreadable headers are omitted.
 */
export function headerFields(headers: unknown): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  const add = (name: unknown, value: unknown): void => {
    const text = textOf(value);
    if (typeof name !== "string" || text === undefined) return;
    const key = name.toLowerCase();
    if (!fields.has(key)) fields.set(key, text);
  };
  if (!isRecord(headers)) return fields;
  try {
    let left = MOST_HEADERS;
    for (const pair of pairsOf(headers)) {
      add(field(pair, "0"), field(pair, "1"));
      if (--left === 0) break;
    }
  } catch {
    // The headers read before the error still count.
  }
  const get = field(headers, "get");
  if (typeof get !== "function") return fields;
  for (const name of LOOKED_UP) {
    try {
      if (!fields.has(name)) add(name, get.call(headers, name));
    } catch {
      // Treated as absent.
    }
  }
  return fields;
}
