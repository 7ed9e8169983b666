// One run: its limits, its listeners, its event-loop yields.
import type { Listener } from "../base/awaitable.js";
import { Cancellation } from "../base/cancellation.js";
import { sharedYields } from "../base/event-loop.js";
import { HELD, JOURNAL } from "../base/keys.js";
import {
  aCountOrInfinity,
  aFunction,
  anObject,
  aSignal,
  aString,
  checkOptions,
  isPlainObject,
  rule,
  UNLIMITED,
} from "../base/options.js";
import { randomId } from "../base/random-id.js";
import { isObject } from "../base/realms.js";
import { type Held, lend } from "../gate/held-slots.js";
import { type Listeners, listenersOfRun } from "../observe/events.js";
import { Watch } from "../observe/watch.js";
import { checkBudget } from "./budget.js";
import type { Params, RunOptions } from "./context.js";
import { idsOf } from "./ids.js";
import type { Journaling, RunJournal } from "./journal.js";
import type { Linked } from "./links.js";
import { type Meter, meterFor, type Reservation } from "./meter.js";
import type { Action } from "./step.js";

/** The context of the outer hook, as an inner run uses it. */
interface Outer {
  readonly cancellation: Cancellation | undefined;
  readonly [HELD]: Held | undefined;
  /** May be absent in a context of another build. */
  readonly scope?: { readonly run: Run } | undefined;
  readonly reservation?: Reservation | undefined;
}

const NO_PARAMS: Params = Object.freeze({});

const anEmitter = rule(
  "an emitter of eventemitter3 (one of node:events works differently)",
  (value) =>
    isObject(value) && "listenerCount" in value && "listeners" in value && !("setMaxListeners" in value),
);
const aContext = rule("the context that a hook was given", (value) => isObject(value) && HELD in value);
const hooks = rule("a function or an array of functions", (value) => [value].flat().every(aFunction.accepts));
const aBudget = rule("{ tokens, calls }, of which one may be left out", isPlainObject);
const aJournal = rule(
  "a journal, as openJournal() of sluice/journal gives it",
  (value) => isObject(value) && JOURNAL in value,
);
export const runRules = {
  signal: aSignal,
  drain: aSignal,
  params: anObject,
  events: anEmitter,
  around: hooks,
  maxSteps: aCountOrInfinity,
  budget: aBudget,
  journal: aJournal,
  ask: aFunction,
  runId: aString,
  ctx: aContext,
};

/** One call of `run()`: its limits, its listeners, its event-loop yields. */
export class Run implements Listener {
  // Declared, because the constructor writes them: as fields each would be written twice.
  declare readonly events: Listeners | undefined;
  /** Emits events of steps, items, attempts and gates; `undefined` without listeners for them. */
  declare readonly watch: Watch | undefined;
  declare readonly cancellation: Cancellation | undefined;
  declare readonly params: Params;
  declare readonly held: Held | undefined;
  /** The step limit; `undefined` without a limit. */
  declare readonly maxSteps: number | undefined;
  /** Counts calls and tokens; `undefined` without a budget and without listeners for `usage`. */
  declare readonly meter: Meter | undefined;
  /** The outer run, if a hook of it started this one. */
  declare readonly outer: Run | undefined;
  /** The budget reservation of that hook's call. */
  declare readonly host: Reservation | undefined;
  /** The original options, for the journal's record of the run. */
  declare readonly options: RunOptions | undefined;
  /** The journal of this run; written when the journal has claimed the run. */
  journal: RunJournal | undefined;
  /** Whether the run has ended; written at its end. */
  over = false;
  /** Steps begun, without the node that `run()` was called on; written by walks. */
  steps = -1;
  readonly yields = sharedYields();
  #id: string | undefined;
  #resolve: ((action: Action) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;
  #ids: Map<Linked, ReadonlyMap<Linked, string>> | undefined;

  /**
   * @param until - Ends the run too, beside its signal.
   * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`.
   */
  constructor(options: RunOptions | undefined, until?: Cancellation) {
    checkOptions("run()", options, runRules);
    checkBudget("run()", options?.budget);
    const outer = options?.ctx as unknown as Outer | undefined;
    this.events = listenersOfRun(options?.events);
    this.params = options?.params === undefined ? NO_PARAMS : Object.freeze({ ...options.params });
    this.maxSteps = options?.maxSteps === UNLIMITED ? undefined : options?.maxSteps;
    this.#id = options?.runId;
    this.options = options;
    this.held = lend(outer?.[HELD]);
    this.outer = outer?.scope?.run;
    this.host = outer?.reservation;
    this.watch = options && Watch.over(this, options.around);
    const halts = this.maxSteps !== undefined || this.journaling !== undefined;
    this.cancellation = cancellationOf(options, halts, outer?.cancellation, until);
    this.meter = options && meterFor(this, options.budget);
    this.yields.enter();
  }

  get id(): string {
    return (this.#id ??= randomId());
  }

  /** The journal option; `undefined` without a journal. */
  get journaling(): Journaling | undefined {
    return (this.options?.journal as { [JOURNAL]?: Journaling } | undefined)?.[JOURNAL];
  }

  /** Answers questions in place; an inner run uses the function of its outer run. */
  get answer(): RunOptions["ask"] {
    return this.options?.ask ?? this.outer?.answer;
  }

  /** The ids of the nodes that a walk from this one can reach; links may change between runs. */
  idsFrom(start: Linked): ReadonlyMap<Linked, string> {
    this.#ids ??= new Map();
    let ids = this.#ids.get(start);
    if (ids === undefined) this.#ids.set(start, (ids = idsOf([start], "", true)));
    return ids;
  }

  /**
   * Ends the run, regardless of attempts, fallbacks, `onError` and `until`.
   *
   * @param when - `"now"` fires the signals and abandons leaves, as the caller's signal does; `"drained"` waits for
   * calls in flight.
   * @returns The reason with which the run ends; an earlier halt wins.
   */
  halt(reason: unknown, when: "now" | "drained"): unknown {
    if (when === "now") this.cancellation?.abort(reason, true);
    else this.cancellation?.drain(reason);
    return this.cancellation?.reason ?? reason;
  }

  /** Registers listeners for the end of the run. */
  settles(resolve: (action: Action) => void, reject: (error: unknown) => void): void {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  succeeded(action: unknown): void {
    this.#end();
    this.#resolve?.(action as Action);
  }

  failed(error: unknown): void {
    this.#end();
    this.#reject?.(error);
  }

  #end(): void {
    this.over = true;
    this.yields.leave();
    this.cancellation?.release();
    this.watch?.end();
  }
}

/** The level of cancellation of a run; `undefined` if nothing can end it. */
function cancellationOf(
  options: RunOptions | undefined,
  halts: boolean,
  outer: Cancellation | undefined,
  until: Cancellation | undefined,
): Cancellation | undefined {
  const { signal, drain, budget } = options ?? {};
  if (!signal && !drain && !halts && !budget && !outer && !until) return undefined;
  const cancellation = new Cancellation(halts);
  if (until !== undefined) cancellation.follow(until);
  if (signal !== undefined) cancellation.followSignal(signal);
  if (drain !== undefined) cancellation.followDrain(drain);
  if (outer !== undefined) cancellation.follow(outer);
  return cancellation;
}
