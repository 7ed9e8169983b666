// What a hook is told about its run, and what a caller tells to a run.

import type { Untyped } from "../base/untyped.js";
import type { Around } from "../observe/around.js";
import type { RunEmitter } from "../observe/events.js";

/** Plain data that enclosing flows hand to the nodes inside them; any object type is assignable to it. */
export type Params = Record<string, Untyped>;

/**
 * The last argument of every hook.
 *
 * Each attempt gets one of its own. Once the run has ended, or its `exec` was abandoned, `emit` and `charge`
 * do nothing. Everything on it may be destructured.
 */
export interface Context<P extends object = Params> {
  /** The params of all enclosing flows, the inner ones over the outer. */
  readonly params: Readonly<P>;
  /**
   * Fires at the caller's abort, at this attempt's timeout and when a sibling's failure stops the batch.
   * Hand it to whatever can be cancelled.
   */
  readonly signal: AbortSignal;
  /** The run's id: `run(shared, { runId })`, or a random UUID. */
  readonly runId: string;
  /** The attempt, counted from 0. */
  readonly attempt: number;
  /** The index of the batch item, or of the nearest iteration of a batch flow; otherwise `undefined`. */
  readonly index: number | undefined;
  /** Sends data to the run's listeners. The promise it returns may be awaited for backpressure. */
  readonly emit: (data: unknown) => Promise<void>;
  /**
   * Tells the gate what this call really cost in tokens; several charges add up. The gate gives back what
   * `cost()` reserved too much, or makes later calls wait for what it reserved too little.
   *
   * @throws SluiceError `INVALID_COST` if it is not a finite number from 0 up.
   */
  readonly charge: (tokens: number) => void;
}

/** What `run()` takes besides the store. */
export interface RunOptions {
  /** Stops the run: it then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Params for every node, under those of the flows inside. */
  readonly params?: Params | undefined;
  /** An eventemitter3 emitter that is told what happens. */
  readonly events?: RunEmitter | undefined;
  /** Wraps every step, item and attempt, and the run itself; of several hooks the first is the outermost. */
  readonly around?: Around | readonly Around[] | undefined;
  /** The most steps that the whole run may take, nested flows included. @default Infinity */
  readonly maxSteps?: number | undefined;
  /** @default a random UUID */
  readonly runId?: string | undefined;
  /**
   * The context of the hook that starts this run inside another one: the inner run ends with the outer hook's
   * signal, and its nodes borrow the slots of gates that the hook holds, so that it cannot wait for itself.
   */
  readonly ctx?: Context | undefined;
}
