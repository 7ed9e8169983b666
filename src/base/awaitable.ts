// Results of hooks are values or promises; those of the engine's own work are values or Pendings. Imports nothing.

/** A value or a promise of it, as every hook may return. */
export type Awaitable<T> = T | PromiseLike<T>;

/** Whether a value must be awaited. Other values are not awaited, so a sync hook costs no microtask. */
export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  value !== null &&
  (typeof value === "object" || typeof value === "function") &&
  typeof (value as { then?: unknown }).then === "function";

/** A listener for the end of work. Neither method may throw. */
export interface Listener {
  succeeded(value: unknown): void;
  failed(error: unknown): void;
}

const PENDING = 0;
const RESOLVED = 1;
const REJECTED = 2;

/**
 * The engine's own work in progress. Unlike a promise it calls its listener synchronously when it settles, so that the
 * outer walk continues before any other walk runs. Has at most one listener.
 */
export class Pending implements PromiseLike<unknown> {
  #state: typeof PENDING | typeof RESOLVED | typeof REJECTED = PENDING;
  #outcome: unknown;
  #listener: Listener | undefined;

  /** Calls a listener when it settles, or at once if it has settled. Must be called at most once. */
  listen(listener: Listener): void {
    if (this.#state === RESOLVED) listener.succeeded(this.#outcome);
    else if (this.#state === REJECTED) listener.failed(this.#outcome);
    else this.#listener = listener;
  }

  resolve(value: unknown): void {
    this.#state = RESOLVED;
    this.#outcome = value;
    this.#listener?.succeeded(value);
  }

  reject(error: unknown): void {
    this.#state = REJECTED;
    this.#outcome = error;
    this.#listener?.failed(error);
  }

  /** Converts it to a promise, which takes the place of the listener. */
  promise(): Promise<unknown> {
    return new Promise((succeeded, failed) => this.listen({ succeeded, failed }));
  }

  // biome-ignore lint/suspicious/noThenProperty: so that an async function may await it
  // biome-ignore lint/suspicious/noExplicitAny: as PromiseLike has it
  then(...handlers: Parameters<Promise<unknown>["then"]>): any {
    return this.promise().then(...handlers);
  }
}

/** Calls a listener when work settles: in the same turn for a {@link Pending}. */
export function whenSettled(work: PromiseLike<unknown>, listener: Listener): void {
  if (work instanceof Pending) work.listen(listener);
  else
    Promise.resolve(work).then(
      (value) => listener.succeeded(value),
      (error) => listener.failed(error),
    );
}

/** Calls a function with the result of work: at once for a plain value, otherwise when it settles. */
export function after(
  work: unknown,
  onValue: (value: unknown) => unknown,
  onError: (error: unknown) => unknown,
): unknown {
  if (!isThenable(work)) return onValue(work);
  const pending = new Pending();
  const settle = (next: () => unknown) => {
    let outcome: unknown;
    try {
      outcome = next();
    } catch (error) {
      return pending.reject(error);
    }
    if (!isThenable(outcome)) return pending.resolve(outcome);
    whenSettled(outcome, {
      succeeded: (value) => pending.resolve(value),
      failed: (error) => pending.reject(error),
    });
  };
  whenSettled(work, {
    succeeded: (value) => settle(() => onValue(value)),
    failed: (error) => settle(() => onError(error)),
  });
  return pending;
}

/** The rejection handler of {@link after} that rethrows. */
export const rethrow = (error: unknown): never => {
  throw error;
};
