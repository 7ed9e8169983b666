// Keys of sites, as section "keys" of docs/guide/durable-runs.md has them: what is under what.

/** Whether a key is another one, or at a place inside it. */
export function isUnder(key: string, other: string): boolean {
  if (!key.startsWith(other)) return false;
  const next = key[other.length];
  return next === undefined || next === "/" || next === "[" || next === "|" || next === "!";
}

/** The key of a walk without the number of its attempt. */
export const withoutAttempt = (key: string): string => key.replace(/!\d*$/, "");

/** The attempt that a walk's key names, from 0. */
export const attemptIn = (key: string): number => Number(/!(\d+)$/.exec(key)?.[1] ?? 1) - 1;

/** The place in the graph that a key belongs to: without the numbers of steps, items and attempts. */
export const placeOf = (key: string): string => key.replace(/#\d+|\[\d+\]|!\d*|%\./g, "");

/** Ends the key of a walk that is a single step and follows no link: its step has the same key without it. */
const ALONE = "%.";

export const aloneKey = (key: string): string => `${key}${ALONE}`;

/**
 * The key of the step that a walk is part of. For the single step of a branch that is the `parallel`; for one that
 * `run()` was called on there is none.
 */
export function parentOf(walk: string): string {
  if (!walk.endsWith(ALONE)) return withoutAttempt(walk).replace(/\[\d+\]$/, "");
  const branch = /\|[^/[|!]*$/.exec(walk.slice(0, -ALONE.length));
  return branch === null ? "" : walk.slice(0, branch.index);
}
