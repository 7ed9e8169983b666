// Keys in an index of PostgreSQL, whose rows must be under 2,704 bytes: a long key is shortened, and kept in full in
// another column.
import { createHash } from "node:crypto";
import { toSafe } from "./safe-text.js";

/** The maximum of UTF-16 units of an indexed text: 900 bytes. */
const LONGEST = 300;

/** A text for an index, and the full text if that is too long. */
export interface Indexed {
  readonly text: string;
  readonly full: string | null;
}

/** Prepares a text for an index. */
export function indexed(original: string): Indexed {
  const full = toSafe(original);
  if (full.length <= LONGEST) return { text: full, full: null };
  // Longer than any unshortened text, so there is no collision; `!` sorts below `~`, as `isUnder` needs it.
  return { text: `${beginning(full)}!${createHash("sha256").update(full).digest("base64url")}`, full };
}

/** The beginning of an indexed text. */
function beginning(full: string): string {
  const last = full.charCodeAt(LONGEST - 1);
  const isHalf = full.length > LONGEST && last >= 0xd800 && last <= 0xdbff;
  return full.slice(0, isHalf ? LONGEST - 1 : LONGEST);
}

/** The parameters of {@link isUnderSql}. */
export function under(key: string): [start: string, whole: string] {
  const full = toSafe(key);
  return [beginning(full), full];
}

/** Every kind: the index begins with the run and the kind. */
export const ANY_KIND = "AND kind = ANY (ARRAY['result', 'once', 'start', 'walk', 'batch', 'store'])";

/** SQL for whether a row's key is at or under another key, whose beginning and full text are two parameters. */
export const isUnderSql = (start: string, whole: string): string =>
  `key >= ${start} AND key < ${start} || '~' AND starts_with(coalesce(full_key, key), ${whole})
   AND substr(coalesce(full_key, key), length(${whole}) + 1, 1) IN ('', '/', '[', '|', '!')`;
