// The `around` hooks of a run: functions that wrap its steps, items and attempts, nested in order.

import { after, isThenable, rethrow } from "../base/awaitable.js";
import { now } from "../base/clock.js";
import { SluiceError } from "../base/errors.js";

/** What an {@link Around} hook wraps. */
export interface Span {
  /** A whole run; one visit of a node; one item or iteration of a batch; one call of `exec`. */
  readonly kind: "run" | "step" | "item" | "attempt";
  /** Counted from 1 in each run, as in the events. */
  readonly id: number;
  /** The `id` of what this is part of. */
  readonly parent: number | undefined;
  readonly runId: string;
  /** Names from the outermost flow to the node; a number is an iteration of a batch flow. */
  readonly path: readonly (string | number)[];
  /** The name of the node. */
  readonly name: string;
  /** The index of the batch item or of the nearest iteration. */
  readonly index: number | undefined;
  /** The number of the attempt, from 0; `undefined` for what is no attempt. */
  readonly attempt: number | undefined;
  /** The item, the params of an iteration, or what `exec` is given; `undefined` for runs and steps. */
  readonly input: unknown;
  /** Whether an abort has reached it. */
  readonly aborted: boolean;
  /** When the work ended, in ms on the clock of `performance.now()`; `undefined` before. */
  readonly ended: number | undefined;
}

/** A span as the engine fills it in. */
export type OpenSpan = { -readonly [Key in keyof Span]: Span[Key] };

/**
 * Wraps every run, step, item and attempt.
 *
 * `next()` does the work and gives its result, of a run or a step the action, of an item or an attempt what it came
 * to: a plain value where all of the work was sync, else a promise. What the hook returns takes its place, so a hook
 * may answer from a cache without calling `next`; `undefined` leaves the result, or the failure, as it is. What it
 * throws is the failure of what it wraps.
 *
 * An async hook of kind `"step"` lets other walks run between a node's `post` and the next node's `prep`, so parallel
 * flows on one store may mix there; one that returns what `next()` gave does not.
 */
export type Around = (span: Span, next: () => unknown) => unknown;

const ignore = () => {};

/** Calls the work inside all hooks, the first of them outermost. A value, or what settles later. */
export function compose(hooks: readonly Around[], span: OpenSpan, work: () => unknown, at = 0): unknown {
  const hook = hooks[at];
  return hook === undefined ? work() : new HookCall(span, () => compose(hooks, span, work, at + 1)).run(hook);
}

/** One call of a hook around one piece of work. */
class HookCall {
  readonly #span: OpenSpan;
  readonly #work: () => unknown;
  #called = false;
  /** What the work comes to: its value, or what settles with it. */
  #result: unknown;
  /** What `next()` gave of work that has not ended. */
  #promise: Promise<unknown> | undefined;

  constructor(span: OpenSpan, work: () => unknown) {
    this.#span = span;
    this.#work = work;
  }

  run(hook: Around): unknown {
    let answer: unknown;
    try {
      answer = hook(this.#span, () => this.#next());
    } catch (error) {
      return this.#whenEnded(() => rethrow(error));
    }
    // A hook that hands on the promise adds no wait of its own: what follows the work follows it in the same turn.
    if (answer === undefined || (this.#promise !== undefined && answer === this.#promise))
      return this.#result;
    if (!isThenable(answer)) return this.#whenEnded(() => answer);
    return after(
      answer,
      (value) => (value === undefined ? this.#result : this.#whenEnded(() => value)),
      (error) => this.#whenEnded(() => rethrow(error)),
    );
  }

  #next(): unknown {
    if (this.#called) {
      const message = `An \`around\` hook called next() twice for one ${this.#span.kind}; call it once, and use \`attempts\` to try again`;
      throw new SluiceError("NEXT_CALLED_TWICE", message);
    }
    this.#called = true;
    let result: unknown;
    try {
      result = this.#work();
    } catch (error) {
      this.#noteEnd();
      const failure = Promise.reject(error);
      failure.catch(ignore);
      this.#result = failure;
      throw error;
    }
    if (!isThenable(result)) {
      this.#noteEnd();
      this.#result = result;
      return result;
    }
    this.#promise = new Promise((resolve, reject) => {
      this.#result = after(
        result,
        (value) => {
          this.#noteEnd();
          resolve(value);
          return value;
        },
        (error) => {
          this.#noteEnd();
          reject(error);
          throw error;
        },
      );
    });
    this.#promise.catch(ignore);
    return this.#promise;
  }

  #noteEnd(): void {
    this.#span.ended ??= now();
  }

  /** A hook that does not wait for the work must not end before it. */
  #whenEnded(then: () => unknown): unknown {
    return after(this.#result, then, then);
  }
}
