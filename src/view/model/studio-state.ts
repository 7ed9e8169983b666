// The state that the studio's server sends to its page. Types only.

/** Times are texts of ISO 8601. */
export interface StudioState {
  /** Its name; `undefined` where there is none. */
  readonly journal: string | undefined;
  /** The folder of traces. */
  readonly traces: string;
  /** The flows that may be started. */
  readonly flows: readonly string[];
  /** Why no run can begin or be resumed here. */
  readonly blocked: string | undefined;
  /** Of the journal, the newest first. */
  readonly runs: readonly StudioRun[];
  /** Whether there are more runs than these. */
  readonly hasMore: boolean;
  readonly traced: readonly TracedRun[];
}

/** A run of the journal. */
export interface StudioRun {
  readonly id: string;
  /** Of the journal, or `"interrupted"`. */
  readonly state: string;
  /** The owner, as `pid@host`. */
  readonly owner: string | undefined;
  readonly flow: string;
  readonly steps: number;
  readonly calls: number;
  readonly tokens: number;
  readonly action: string | undefined;
  readonly error: string | undefined;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly questions: readonly StudioQuestion[];
}

/** An open question. */
export interface StudioQuestion {
  readonly token: string;
  readonly question: unknown;
  /** The JSON Schema of its answer, where it has one. */
  readonly schema: unknown;
  readonly path: readonly (string | number)[];
  readonly index: number | undefined;
  readonly askedAt: string;
  readonly expiresAt: string | undefined;
}

/** A run in a trace. */
export interface TracedRun {
  /** The name of its file in the folder. */
  readonly file: string;
  readonly id: string;
  /** Its number among the runs of this id in the file, from 1. */
  readonly nth: number;
  readonly flow: string;
  readonly state: string;
  /** Missing in a trace without its beginning. */
  readonly startedAt: string | undefined;
  /** Ms. */
  readonly took: number;
  readonly steps: number;
  readonly items: number;
  readonly failures: number;
  readonly tokens: number;
  readonly error: string | undefined;
}
