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
