// The `around` hooks of a run: functions that wrap its steps, items and attempts, nested in order.

import { after, isThenable, rethrow } from "../base/awaitable.js";
import { now } from "../base/clock.js";
import { SluiceError } from "../base/errors.js";

/** The part of a run that an {@link Around} hook wraps. */
export interface Span {
  /** A whole run; one visit of a node; one item or iteration of a batch; one call of `exec`. */
  readonly kind: "run" | "step" | "item" | "attempt";
  /** Counted from 1 in each run, as in the events. */
  readonly id: number;
  /** The `id` of the parent span. */
  readonly parent: number | undefined;
  readonly runId: string;
  /** Names from the outermost flow to the node; a number is an iteration of a batch flow. */
  readonly path: readonly (string | number)[];
  /** The name of the node. */
  readonly name: string;
  /** The index of the batch item or of the nearest iteration. */
  readonly index: number | undefined;
  /** The number of the attempt, from 0; `undefined` for other kinds. */
  readonly attempt: number | undefined;
  /** The item, the params of an iteration, or the input of `exec`; `undefined` for runs and steps. */
  readonly input: unknown;
  /** Whether it was aborted. */
  readonly aborted: boolean;
  /** The end of the work, in ms on the clock of `performance.now()`; `undefined` before. */
  readonly ended: number | undefined;
}

/** A span that the engine fills in. */
export type OpenSpan = { -readonly [Key in keyof Span]: Span[Key] };

/**
 * Wraps every run, step, item and attempt.
 *
 * `next()` does the work and returns its result: the action of a run or a step, the result of an item or an attempt; a
 * plain value if all of the work was synchronous, otherwise a promise. The hook's return value replaces the result, so
 * a hook may answer from a cache without calling `next`; `undefined` keeps the result or the failure. If the hook
 * throws, the span fails with its error.
 *
 * An async hook around steps allows other walks to run between a node's `post` and the next node's `prep`, so parallel
 * flows on one store may interleave there; a hook that returns the result of `next()` does not.
 */
export type Around = (span: Span, next: () => unknown) => unknown;

const ignore = () => {};

/** Calls the work wrapped in all hooks, the first of them outermost. Returns a value or a thenable. */
export function compose(hooks: readonly Around[], span: OpenSpan, work: () => unknown, at = 0): unknown {
  const hook = hooks[at];
  return hook === undefined ? work() : new HookCall(span, () => compose(hooks, span, work, at + 1)).run(hook);
}

/** One call of a hook around one span. */
class HookCall {
  readonly #span: OpenSpan;
  readonly #work: () => unknown;
  #called = false;
  /** The result of the work: its value, or a thenable of it. */
  #result: unknown;
  /** The promise that `next()` returned for work that has not ended. */
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
    // A hook that returns the promise of `next()` adds no wait: the code after the work runs in the same turn.
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

  /** Makes a hook that does not await the work end after the work. */
  #whenEnded(then: () => unknown): unknown {
    return after(this.#result, then, then);
  }
}
