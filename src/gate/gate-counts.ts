// The numbers of one gate. Imports nothing.

/** Numbers of one gate; written when calls start, wait and end. */
export interface GateCounts {
  waiting: number;
  running: number;
  started: number;
  refused: number;
  ended: number;
  /** Tokens reserved by calls that were not refused, or what they charged instead. */
  tokens: number;
  /** Calls that came; each takes the number as its place in the queues. */
  arrived: number;
}

export const newCounts = (): GateCounts => ({
  waiting: 0,
  running: 0,
  started: 0,
  refused: 0,
  ended: 0,
  tokens: 0,
  arrived: 0,
});
