// The `around` hooks of a run: functions that wrap its steps, items and attempts, nested in order.
import { SluiceError } from "../errors.js";

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
  /** Whether it was told to stop. */
  readonly aborted: boolean;
}

/**
 * Wraps every run, step, item and attempt.
 *
 * `next()` does the work and gives its result: of a run or a step the action, of an item or an attempt what it
 * came to. What the hook returns takes its place, so a hook may answer from a cache without calling `next`;
 * `undefined` leaves the result, or the failure, as it is. What it throws is the failure of what it wraps.
 */
export type Around = (span: Span, next: () => Promise<unknown>) => unknown;

const ignore = () => {};

/** Calls the work inside all hooks, the first of them outermost. */
export function inside(
  hooks: readonly Around[],
  span: Span,
  work: () => Promise<unknown>,
  at = 0,
): Promise<unknown> {
  const hook = hooks[at];
  return hook === undefined ? work() : within(hook, span, () => inside(hooks, span, work, at + 1));
}

async function within(hook: Around, span: Span, work: () => Promise<unknown>): Promise<unknown> {
  let inner: Promise<unknown> | undefined;
  const next = () => {
    if (inner !== undefined) {
      const message = `An \`around\` hook called next() twice for one ${span.kind}; call it once, and use \`attempts\` to try again`;
      return Promise.reject(new SluiceError("NEXT_CALLED_TWICE", message));
    }
    inner = work();
    return inner;
  };
  try {
    const instead = await hook(span, next);
    return instead === undefined ? await inner : instead;
  } finally {
    await inner?.then(ignore, ignore); // a hook that does not wait for the work must not end before it
  }
}
