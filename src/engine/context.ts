// What a hook gets of its run, and what run() takes.

import type { Awaitable } from "../base/awaitable.js";
import type { Untyped } from "../base/untyped.js";
import type { Around } from "../observe/around.js";
import type { RunEmitter } from "../observe/events.js";
import type { AskOptions, AskRequest } from "./ask.js";
import type { BudgetOptions } from "./budget.js";

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
  /** What the attempt before threw, so that a prompt can say what was wrong; `undefined` in the first. */
  readonly lastError: unknown;
  /**
   * Names this place in the run: the flow, the steps that lead here and the item, such as `Crawl/Pages#2[17]/Fetch`.
   * The same in every run of the same graph, whatever the timing.
   */
  readonly key: string;
  /**
   * A hash of the run's id, {@link key} and the item, of 106 bits: the same over all attempts of one `exec`, and over
   * resumes of a run with a journal, for services that take an idempotency key. Another attempt that wants another answer adds {@link attempt}. A walk that is tried again
   * has new ones. Set `runId` for a key that lasts over processes.
   */
  readonly idempotencyKey: string;
  /**
   * Asks a person, inside `exec`, and resolves with the answer. In a run with a journal the item is set aside until
   * there is one: then `exec` runs again from its top, so what costs belongs in the node before. Else the run's
   * {@link RunOptions.ask} answers in place.
   *
   * @param question - Plain data: what the person needs to see.
   * @throws SluiceError `NOBODY_TO_ASK`, `ASK_EXPIRED`, `INVALID_ANSWER`, `NOT_SERIALIZABLE`; the reason of an abort.
   */
  readonly ask: <Answer = unknown>(question: unknown, options?: AskOptions<Answer>) => Promise<Answer>;
  /** The index of the batch item, or of the nearest iteration of a batch flow; otherwise `undefined`. */
  readonly index: number | undefined;
  /** Sends data to the run's listeners. The promise it returns may be awaited for backpressure. */
  readonly emit: (data: unknown) => Promise<void>;
  /**
   * Reports to the gate and the run's budget what this call really cost in tokens; several charges add up. The gate gives back what
   * `cost()` reserved too much, or makes later calls wait for what it reserved too little.
   *
   * @throws SluiceError `INVALID_COST` if it is not a finite number of 0 or more.
   */
  readonly charge: (tokens: number) => void;
}

/** What `run()` takes besides the store. */
export interface RunOptions {
  /** Stops the run: it then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Ends the run gently: calls in flight end, with the `post` of their node or the `onResult` of their item, and
   * nothing new begins, no further attempt and no fallback either. Waits stop at once. `run()` then rejects with the
   * signal's reason, unless nothing was left to do.
   */
  readonly drain?: AbortSignal | undefined;
  /**
   * The most that the run may spend. Each `exec` is a call, and reserves the tokens of its `cost()`; `charge` settles
   * them. What does not fit waits while calls in flight may give back; when there are none the run ends as by
   * {@link drain}, with `BUDGET_SPENT`. A call that fails keeps what it reserved unless it charged; one that the vendor
   * refused gives it back. @default no limit
   */
  readonly budget?: BudgetOptions | undefined;
  /** Params for every node, under those of the flows inside. */
  readonly params?: Params | undefined;
  /** An eventemitter3 emitter for the events of the run. */
  readonly events?: RunEmitter | undefined;
  /** Wraps every step, item and attempt, and the run itself; of several hooks the first is the outermost. */
  readonly around?: Around | readonly Around[] | undefined;
  /**
   * Keeps the run, so that it can go on after any end: `openJournal()` of `sluice/journal` gives one. A known
   * {@link runId} goes on where it stopped.
   */
  readonly journal?: object | undefined;
  /** Answers the questions of `ctx.ask` in place. The call keeps its slot meanwhile; its `timeout` stands still. */
  readonly ask?: ((request: AskRequest) => Awaitable<unknown>) | undefined;
  /** The most steps that the whole run may take, nested flows included. @default Infinity */
  readonly maxSteps?: number | undefined;
  /** @default a random UUID */
  readonly runId?: string | undefined;
  /**
   * The context of the hook that starts this run inside another one: the inner run ends with the outer hook's
   * signal and its drain, counts against the outer budget, and its data reaches the outer run's listeners too. Its
   * nodes borrow the slots of gates that the hook holds, so that it cannot deadlock on itself.
   */
  readonly ctx?: Context | undefined;
}
