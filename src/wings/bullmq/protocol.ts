// The protocol between coordinators and workers over Redis, and its keys.
import type { AttemptReport } from "sluice";

/** Milliseconds after which uncollected results expire in Redis. */
export const ORPHAN_AGE = 3_600_000;

/** The maximum bytes of a chunk's inputs, and of a result that is stored with others. */
export const LARGE = 1_000_000;
/** The maximum bytes of a result, which is stored under its own key. */
export const LARGEST = 32_000_000;

/** One call in a chunk. Input and params are texts of plain data. */
export interface ChunkItem {
  readonly key: string;
  readonly identity: string;
  readonly path: readonly (string | number)[];
  readonly index: number | undefined;
  readonly params: string;
  readonly input: string;
  /** Whether it must not be repeated once it may have begun. */
  readonly once: boolean;
}

/** The data of one job: calls of one node. */
export interface Chunk {
  readonly runId: string;
  readonly place: string;
  /** The flow that the worker must have: its name, the fingerprint of its graph, and its version. */
  readonly flow: string;
  readonly graph: string;
  readonly version: string | null;
  readonly isWatched: boolean;
  readonly isMetered: boolean;
  /** `null` is a call that no longer needs an answer. */
  readonly items: readonly (ChunkItem | null)[];
  /** Whether it is sent again, so that some outcomes may be stored. */
  readonly isAgain: boolean;
}

/** A serialised error. */
export interface SentError {
  /** The text of a thrown value that is not an error. */
  readonly value?: string;
  readonly name?: string;
  readonly message?: string;
  readonly stack?: string | undefined;
  /** Its own fields with plain data, as text. */
  readonly fields?: string;
  readonly isOurs?: boolean;
  readonly cause?: SentError | undefined;
}

/** The outcome of one call. */
export interface ItemOutcome {
  readonly kind: "value" | "error" | "asks" | "undone" | "died";
  /** The text of the value; `key` is the key of a large value. */
  readonly value?: string;
  readonly large?: string;
  readonly error?: SentError;
  readonly attempts: number | readonly (Omit<AttemptReport, "error"> & { readonly error?: SentError })[];
  readonly charged?: number | undefined;
  readonly machine: string;
  /** The milliseconds that it took at its worker. */
  readonly took: number;
}

/** A message of a worker: outcomes of a chunk by index, and emitted data. */
export interface FromWorker {
  readonly chunk: string;
  readonly outcomes?: readonly (readonly [index: number, outcome: ItemOutcome])[];
  readonly emitted?: readonly (readonly [index: number, data: string])[];
}

/** A message of a coordinator: calls to abort, or a drain. */
export interface ToWorkers {
  readonly chunk: string;
  readonly abort?: readonly number[];
  readonly drain?: true;
}

/** One form of a flow: its name, the fingerprint of its graph, its version. */
export interface FlowForm {
  readonly flow: string;
  readonly graph: string;
  readonly version: string | null;
}

/** The announcement of a worker. */
export interface WorkerCard {
  readonly id: string;
  readonly machine: string;
  readonly concurrency: number;
  /** The forms of flows whose calls it takes. */
  readonly forms: readonly FlowForm[];
}

/** Milliseconds for which an announcement of a worker is valid. */
export const CARD_LIFE = 5_000;

/** The keys of one queue. */
export const keysOf = (queue: string) => ({
  results: (chunk: string) => `sluice:{${queue}}:results:${chunk}`,
  /** The chunks of a run in flight, for a coordinator that restarts. */
  run: (runId: string) => `sluice:{${queue}}:run:${runId}`,
  large: (chunk: string, index: number) => `sluice:{${queue}}:large:${chunk}:${index}`,
  workers: `sluice:{${queue}}:workers`,
  card: (id: string) => `sluice:{${queue}}:worker:${id}`,
  fromWorkers: `sluice:{${queue}}:from-workers`,
  toWorkers: `sluice:{${queue}}:to-workers`,
});

/** The field of a chunk's results with the number of times that a call began after its worker had died. */
export const triesField = (index: number): string => `tries:${index}`;
/** The field that marks the start of a call that must run at most once. */
export const begunField = (index: number): string => `begun:${index}`;
