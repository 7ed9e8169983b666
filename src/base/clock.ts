// The monotonic clock. Imports nothing.

/** Milliseconds on a monotonic clock. */
export const now = (): number => performance.now();
