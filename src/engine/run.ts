// One run: its limits, its listeners, its place among the turns of the event loop.
import { Cancellation } from "../base/cancellation.js";
import { sharedYields } from "../base/event-loop.js";
import { aCountOrInfinity, anObject, aSignal, aString, checkOptions, type Rule } from "../base/options.js";
import { HELD, type Held, lend } from "../gate/held-slots.js";
import type { Listeners } from "../observe/events.js";
import { Watch } from "../observe/watch.js";
import type { Params, RunOptions } from "./context.js";

/** A context as a run inside a hook sees it. */
interface Outer {
  readonly cancellation: Cancellation | undefined;
  readonly [HELD]: Held | undefined;
}

const NO_PARAMS: Params = Object.freeze({});
/** Is no error that anybody could throw. */
const NOT_YET = Symbol("not yet");

const emitterRule: Rule = {
  expected: "an emitter of eventemitter3 (one of node:events works differently)",
  accepts: (value) =>
    value instanceof Object &&
    "listenerCount" in value &&
    "listeners" in value &&
    !("setMaxListeners" in value),
};
const contextRule: Rule = {
  expected: "the context that a hook was given",
  accepts: (value) => value instanceof Object && HELD in value,
};
const hooks: Rule = {
  expected: "a function or an array of functions",
  accepts: (value) => [value].flat().every((hook) => typeof hook === "function"),
};
export const runRules = {
  signal: aSignal,
  params: anObject,
  events: emitterRule,
  around: hooks,
  maxSteps: aCountOrInfinity,
  runId: aString,
  ctx: contextRule,
};

/** One call of `run()`: its limits, its listeners, its place among the turns of the event loop. */
export class Run {
  readonly events: Listeners | undefined;
  /** What somebody sees of it; `undefined` where nobody does. */
  readonly watch: Watch | undefined;
  readonly cancellation: Cancellation | undefined;
  readonly params: Params;
  readonly held: Held | undefined;
  readonly maxSteps: number;
  over = false;
  /** The error of `maxSteps`, which ends the whole run, whatever attempts, fallbacks or `onError` say. */
  exceeded: unknown = NOT_YET;
  /** The node that `run()` was called on is no step. */
  steps = -1;
  readonly yields = sharedYields();
  #id: string | undefined;

  /**
   * @param leave - What else ends the run, beside its signal.
   * @throws SluiceError for a wrong option; the signal's reason if it is aborted already.
   */
  constructor(options: RunOptions | undefined, leave?: Cancellation) {
    checkOptions("run()", options, runRules);
    this.events = options?.events;
    this.params = options?.params === undefined ? NO_PARAMS : Object.freeze({ ...options.params });
    this.maxSteps = options?.maxSteps ?? Number.POSITIVE_INFINITY;
    this.#id = options?.runId;
    const outer = options?.ctx as unknown as Outer | undefined;
    this.held = lend(outer?.[HELD]);
    this.watch = options && Watch.over(this, options.around);
    this.yields.enter();
    if (options?.signal !== undefined || outer?.cancellation !== undefined || leave !== undefined) {
      this.cancellation = new Cancellation();
      if (leave !== undefined) this.cancellation.follow(leave);
      if (options?.signal !== undefined) this.cancellation.followSignal(options.signal);
      if (outer?.cancellation !== undefined) this.cancellation.follow(outer.cancellation);
    }
  }

  get id(): string {
    this.#id ??= crypto.randomUUID();
    return this.#id;
  }

  end(): void {
    this.over = true;
    this.yields.leave();
    this.cancellation?.release();
    this.watch?.end();
  }
}
