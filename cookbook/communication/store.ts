// The store, in parts. A node names only the parts that it uses, and so fits into every flow that has them.

/** Texts that wait for their turn. */
export interface Queue {
  /** Paths, the next one first. */
  readonly files: string[];
}

/** The text in hand. */
export interface InHand {
  text?: { readonly file: string; readonly content: string };
}

/** What one text comes to. */
export interface Count {
  readonly file: string;
  readonly words: number;
  readonly sentences: number;
  /** How often each word occurs, in lower case. */
  readonly vocabulary: ReadonlyMap<string, number>;
}

/** The counts of the text in hand. */
export interface Counted {
  count?: Count;
}

/** What is known of all texts so far. It grows by one count at a time, and no text is kept for it. */
export interface Statistics {
  readonly texts: number;
  readonly words: number;
  /** Words in a text, on average. */
  readonly mean: number;
  /** The sum of squared differences from the mean. */
  readonly squares: number;
  readonly longest?: Count;
  readonly vocabulary: ReadonlyMap<string, number>;
}

/** The statistics of the run. */
export interface Measured {
  statistics: Statistics;
}

/** The statistics of nothing. */
export const none: Statistics = { texts: 0, words: 0, mean: 0, squares: 0, vocabulary: new Map() };
