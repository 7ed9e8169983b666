// The counts of one gate. Imports nothing.

/** The counts of one gate; written when calls start, wait and end. */
export interface GateCounts {
  waiting: number;
  running: number;
  started: number;
  refused: number;
  ended: number;
  /** Tokens that calls which were not refused reserved, or charged instead. */
  tokens: number;
  /** The number of calls so far, which is the ticket of the next one. */
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
