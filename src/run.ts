// One run: its limits, its listeners, and its turns at the event loop.
import { Cancellation } from "./abort.js";
import type { Params, RunOptions } from "./context.js";
import type { RunEmitter } from "./events.js";
import { HELD, type Held } from "./held.js";
import { aCountOrInfinity, anObject, aSignal, aString, checkOptions, type Rule } from "./options.js";

/** A context as a run inside a hook sees it. */
interface Outer {
  readonly cancellation: Cancellation | undefined;
  readonly [HELD]: Held | undefined;
}

const NO_PARAMS: Params = Object.freeze({});
/** How long hooks that never wait may keep the event loop, in ms. */
const TURN_EVERY = 40;
const later: (callback: () => void) => unknown =
  typeof setImmediate === "function" ? setImmediate : (callback) => setTimeout(callback, 0);

const emitterRule: Rule = {
  expected: "an emitter of eventemitter3",
  accepts: (value) => value instanceof Object && "emit" in value && "listeners" in value,
};
const contextRule: Rule = {
  expected: "the context that a hook was given",
  accepts: (value) => value instanceof Object && HELD in value,
};
const runRules = {
  signal: aSignal,
  params: anObject,
  events: emitterRule,
  maxSteps: aCountOrInfinity,
  runId: aString,
  ctx: contextRule,
};

/** One call of `run()`: its limits, its listeners, and its turns at the event loop. */
export class Run {
  readonly events: RunEmitter | undefined;
  readonly cancellation: Cancellation | undefined;
  readonly params: Params;
  readonly held: Held | undefined;
  readonly maxSteps: number;
  over = false;
  /** The node that `run()` was called on is no step. */
  steps = -1;
  /** Steps until the clock is read again. Reading it each time would cost as much as a small step. */
  stepsToClock = 1;
  #stride = 1;
  #clockRead = performance.now();
  #lastTurn = this.#clockRead;
  #turn: Promise<void> | undefined;
  #id: string | undefined;

  /** @throws SluiceError for a wrong option; the signal's reason if it is aborted already. */
  constructor(options: RunOptions | undefined) {
    checkOptions("run()", options, runRules);
    this.events = options?.events;
    this.params = options?.params === undefined ? NO_PARAMS : Object.freeze({ ...options.params });
    this.maxSteps = options?.maxSteps ?? Number.POSITIVE_INFINITY;
    this.#id = options?.runId;
    const outer = options?.ctx as unknown as Outer | undefined;
    this.held = outer?.[HELD];
    if (options?.signal !== undefined || outer?.cancellation !== undefined) {
      this.cancellation = new Cancellation();
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
    this.cancellation?.release();
  }

  /**
   * Gives the event loop a turn when hooks have kept it for 40 ms. All workers of a run wait for the same
   * turn. Called when `stepsToClock` has run out; widens that stride only while steps are quick.
   */
  breathe(): Promise<void> | undefined {
    if (this.#turn !== undefined) return this.#turn;
    const now = performance.now();
    this.#stride = now - this.#clockRead < 0.25 ? Math.min(this.#stride * 2, 8) : 1;
    this.#clockRead = now;
    this.stepsToClock = this.#stride;
    if (now - this.#lastTurn < TURN_EVERY) return undefined;
    this.stepsToClock = 0;
    this.#turn = new Promise((resolve) => {
      later(() => {
        this.#turn = undefined;
        this.#stride = 1;
        this.stepsToClock = 1;
        this.#clockRead = this.#lastTurn = performance.now();
        resolve();
      });
    });
    return this.#turn;
  }
}
