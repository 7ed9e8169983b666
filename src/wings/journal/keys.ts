// The hierarchy of keys; see the section "keys" of docs/guide/durable-runs.md.

/** Whether a key equals another one, or is under it. */
export function isUnder(key: string, other: string): boolean {
  if (!key.startsWith(other)) return false;
  const next = key[other.length];
  return next === undefined || next === "/" || next === "[" || next === "|" || next === "!";
}

/** The key of a walk without its attempt. */
export const withoutAttempt = (key: string): string => key.replace(/!\d*$/, "");

/** The attempt in a walk's key, from 0. */
export const attemptIn = (key: string): number => Number(/!(\d+)$/.exec(key)?.[1] ?? 1) - 1;

/** The place in the graph of a key: the key without the numbers of steps, items and attempts. */
export const placeOf = (key: string): string => key.replace(/#\d+|\[\d+\]|!\d*|%\./g, "");

/** The suffix of the key of a walk with a single step, whose key is the same without it. */
const ALONE = "%.";

export const aloneKey = (key: string): string => `${key}${ALONE}`;

/** The key of the step that contains a walk: for a branch the `parallel`; `""` for the walk of `run()`. */
export function parentOf(walk: string): string {
  if (!walk.endsWith(ALONE)) return withoutAttempt(walk).replace(/\[\d+\]$/, "");
  const branch = /\|[^/[|!]*$/.exec(walk.slice(0, -ALONE.length));
  return branch === null ? "" : walk.slice(0, branch.index);
}
