// Hooks may return a value or a promise of one. Imports nothing.

/** A value, or a promise of one: what every hook may return. */
export type Awaitable<T> = T | PromiseLike<T>;

/** Tells what must be awaited. A plain value is not awaited, so a sync hook costs no microtask. */
export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  value !== null &&
  (typeof value === "object" || typeof value === "function") &&
  typeof (value as { then?: unknown }).then === "function";
