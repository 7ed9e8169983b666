// What coordinators and workers say to each other through Redis, and the names of its keys.
import type { AttemptReport } from "sluice";

/** Milliseconds after which Redis forgets what was not collected. */
export const ORPHAN_AGE = 3_600_000;

/** Bytes of a chunk's inputs, and of a result that travels with others. */
export const LARGE = 1_000_000;
/** Bytes of a result that still travels, under a key of its own. */
export const LARGEST = 32_000_000;

/** One call in a chunk. Input and params are texts of plain data. */
export interface ChunkItem {
  readonly key: string;
  readonly identity: string;
  readonly path: readonly (string | number)[];
  readonly index: number | undefined;
  readonly params: string;
  readonly input: string;
  /** Not made again once it may have begun. */
  readonly once: boolean;
}

/** What travels as the data of one job: calls of one node. */
export interface Chunk {
  readonly runId: string;
  readonly place: string;
  /** What the worker's flow must have: the fingerprint of its graph and its version. */
  readonly flow: string;
  readonly graph: string;
  readonly version: string | null;
  readonly isWatched: boolean;
  readonly isMetered: boolean;
  /** A call that needs no answer any more leaves a hole. */
  readonly items: readonly (ChunkItem | null)[];
  /** Whether it is sent once more: some of its outcomes may be stored. */
  readonly isAgain: boolean;
}

/** An error as it travels. */
export interface SentError {
  /** The text of what was thrown, where it was no error. */
  readonly value?: string;
  readonly name?: string;
  readonly message?: string;
  readonly stack?: string | undefined;
  /** Its own plain fields, as text. */
  readonly fields?: string;
  readonly isOurs?: boolean;
  readonly cause?: SentError | undefined;
}

/** What one call came to. */
export interface ItemOutcome {
  readonly kind: "value" | "error" | "asks" | "undone" | "died";
  /** The text of the value, or the key under which it is. */
  readonly value?: string;
  readonly large?: string;
  readonly error?: SentError;
  readonly attempts: number | readonly (Omit<AttemptReport, "error"> & { readonly error?: SentError })[];
  readonly charged?: number | undefined;
  readonly machine: string;
  /** Milliseconds that it took at its worker. */
  readonly took: number;
}

/** What a worker publishes: outcomes of a chunk by index, and data that was emitted. */
export interface FromWorker {
  readonly chunk: string;
  readonly outcomes?: readonly (readonly [index: number, outcome: ItemOutcome])[];
  readonly emitted?: readonly (readonly [index: number, data: string])[];
}

/** What a coordinator publishes: calls that are not to go on, or that nothing new is to begin. */
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

/** How a worker makes itself known. */
export interface WorkerCard {
  readonly id: string;
  readonly machine: string;
  readonly concurrency: number;
  /** What it takes calls of. */
  readonly forms: readonly FlowForm[];
}

/** A worker is known for so many ms after it was last seen. */
export const CARD_LIFE = 5_000;

/** The keys of one queue. */
export const keysOf = (queue: string) => ({
  results: (chunk: string) => `sluice:{${queue}}:results:${chunk}`,
  /** The chunks of a run that are under way, for a coordinator that comes back. */
  run: (runId: string) => `sluice:{${queue}}:run:${runId}`,
  large: (chunk: string, index: number) => `sluice:{${queue}}:large:${chunk}:${index}`,
  workers: `sluice:{${queue}}:workers`,
  card: (id: string) => `sluice:{${queue}}:worker:${id}`,
  fromWorkers: `sluice:{${queue}}:from-workers`,
  toWorkers: `sluice:{${queue}}:to-workers`,
});

/** The field of a chunk's results that counts how often a call was begun after its worker had died. */
export const triesField = (index: number): string => `tries:${index}`;
/** The field that says that a call was begun which must not be made twice. */
export const begunField = (index: number): string => `begun:${index}`;
