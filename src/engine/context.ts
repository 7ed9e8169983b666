// The context of a hook, and the options of run().

import type { Awaitable } from "../base/awaitable.js";
import type { Untyped } from "../base/untyped.js";
import type { Around } from "../observe/around.js";
import type { RunEmitter } from "../observe/events.js";
import type { AskOptions, AskRequest } from "./ask.js";
import type { BudgetOptions } from "./budget.js";

/** Plain data that flows pass to their nodes; any object type is assignable to it. */
export type Params = Record<string, Untyped>;

/**
 * The last argument of every hook.
 *
 * Each attempt gets its own context. After the end of the run, or if its `exec` was abandoned, `emit` and `charge`
 * do nothing. All members may be destructured.
 */
export interface Context<P extends object = Params> {
  /** The merged params of all enclosing flows; inner ones take precedence. */
  readonly params: Readonly<P>;
  /**
   * Fires at the caller's abort, at this attempt's timeout and when a sibling's failure stops the batch.
   * Pass it to every call that can be cancelled.
   */
  readonly signal: AbortSignal;
  /** The run's id: `run(shared, { runId })`, or a random UUID. */
  readonly runId: string;
  /** The attempt, counted from 0. */
  readonly attempt: number;
  /** The error of the last attempt, for the next prompt; `undefined` in the first attempt. */
  readonly lastError: unknown;
  /**
   * Names this place in the run: the flow, the steps that lead here and the item, such as `Crawl/Pages#2[17]/Fetch`.
   * It is the same in every run of the same graph, for any timing.
   */
  readonly key: string;
  /**
   * A hash of the run's id, {@link key} and the item, of 106 bits: the same over all attempts of one `exec`, and over
   * resumes of a run with a journal, for services that take an idempotency key. If each attempt needs a new answer, add
   * {@link attempt}. A retried walk has new keys. Set `runId` for a key that is the same in all processes.
   */
  readonly idempotencyKey: string;
  /**
   * Asks a person, in `exec`, and resolves with the answer. In a run with a journal the item is set aside until the
   * answer: then `exec` runs again from its start, so make paid calls in the node before. Otherwise the run's
   * {@link RunOptions.ask} answers in place.
   *
   * @param question - The question, as plain data.
   * @throws SluiceError `NOBODY_TO_ASK`, `ASK_EXPIRED`, `INVALID_ANSWER`, `NOT_SERIALIZABLE`; the reason of an abort.
   */
  readonly ask: <Answer = unknown>(question: unknown, options?: AskOptions<Answer>) => Promise<Answer>;
  /** The index of the batch item, or of the nearest iteration of a batch flow; otherwise `undefined`. */
  readonly index: number | undefined;
  /** Sends data to the run's listeners. The promise it returns may be awaited for backpressure. */
  readonly emit: (data: unknown) => Promise<void>;
  /**
   * Reports the real cost of this call in tokens to the gate and the run's budget; several charges add up. If `cost()`
   * reserved too much, the gate returns the difference; if too little, later calls wait for it.
   *
   * @throws SluiceError `INVALID_COST` if it is not a finite number of 0 or more.
   */
  readonly charge: (tokens: number) => void;
}

/** The options of `run()`. */
export interface RunOptions {
  /** Stops the run: it then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Drains the run: calls in flight finish, with the `post` of their node or the `onResult` of their item. No other
   * step, item, attempt or fallback starts, and waits end at once. `run()` then rejects with the signal's reason, unless
   * no work was left.
   */
  readonly drain?: AbortSignal | undefined;
  /**
   * The spending limit of the run. Each `exec` counts as a call and reserves the tokens of its `cost()`; `charge` settles
   * them. A call that exceeds the budget waits while calls in flight may return tokens; if there are none, the run ends
   * as by {@link drain}, with `BUDGET_SPENT`. A failed call keeps its reservation unless it charged; a call that the
   * vendor refused returns it. @default no limit
   */
  readonly budget?: BudgetOptions | undefined;
  /** Params for every node; those of inner flows take precedence. */
  readonly params?: Params | undefined;
  /** An eventemitter3 emitter for the events of the run. */
  readonly events?: RunEmitter | undefined;
  /** Wraps every step, item and attempt, and the run itself; of several hooks the first is the outermost. */
  readonly around?: Around | readonly Around[] | undefined;
  /**
   * Records the run, so that it can be resumed after any end; `openJournal()` of `sluice/journal` makes one. A known
   * {@link runId} resumes its run.
   */
  readonly journal?: object | undefined;
  /** Answers the questions of `ctx.ask` in place. The call keeps its slot meanwhile, and its `timeout` is paused. */
  readonly ask?: ((request: AskRequest) => Awaitable<unknown>) | undefined;
  /** The largest number of steps of the whole run, nested flows included. @default Infinity */
  readonly maxSteps?: number | undefined;
  /** @default a random UUID */
  readonly runId?: string | undefined;
  /**
   * The context of the hook that starts this run inside another one. The inner run follows the outer hook's signal and
   * drain, counts against the outer budget, and sends its data to the outer run's listeners too. Its nodes borrow the
   * slots of gates that the hook holds, so that it cannot deadlock on itself.
   */
  readonly ctx?: Context | undefined;
}
