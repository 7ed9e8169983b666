// The monotonic clock. Imports nothing.

/** Milliseconds, from some moment before the program began. */
export const now = (): number => performance.now();
