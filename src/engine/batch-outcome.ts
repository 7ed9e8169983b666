// The outcome of a batch: its results, its first failure, or an early end.
import type { Cancellation } from "../base/cancellation.js";
import { SluiceError } from "../base/errors.js";
import { ItemFailure } from "./failure.js";
import type { FanOutKind } from "./fan-out-settings.js";
import type { Named, Scope } from "./scope.js";
import { Tally } from "./tally.js";
import { NO_RESULT, type Worker } from "./worker.js";

/** The state of the items of one batch. */
export class BatchOutcome {
  readonly #node: Named;
  /** The scope of the items. */
  readonly #scope: Scope;
  readonly #cancellation: Cancellation;
  readonly #collects: boolean;
  readonly #tally: Tally | undefined;
  #failure: { readonly error: unknown } | undefined;
  /** Whether a pulled item has no result, because of a drain or an open question; written by `leaveUndone`. */
  #undone = false;
  /** The error of the first item that was set aside to wait for a person; written by `leaveUndone`. */
  #setAside: unknown;

  constructor(node: Named, scope: Scope, cancellation: Cancellation, { collect, maxFailures }: FanOutKind) {
    this.#node = node;
    this.#scope = scope;
    this.#cancellation = cancellation;
    this.#collects = collect;
    if (maxFailures !== undefined) this.#tally = new Tally(node, maxFailures);
  }

  /** Adds the failures that earlier processes have delivered. */
  resume(failures: number): void {
    this.#tally?.resume(failures);
  }

  /** Records the place of an error that belongs to no item. */
  blame(error: unknown, index = this.#scope.index): void {
    this.#scope.locate(error, this.#node, index, 0);
  }

  /** Ends the batch with a failure, unless it has one already. */
  fail(error: unknown): void {
    const cancellation = this.#cancellation;
    if (cancellation.aborted) return;
    this.#failure = { error };
    const message = "Another item of the same batch failed (see `cause`)";
    cancellation.abort(new SluiceError("SIBLING_FAILED", message, { cause: error }), false);
  }

  /** Ends the batch with an error of the iterable, or of `deliver`. */
  failOutside(error: unknown, index?: number): false {
    if (!this.#cancellation.aborted) this.blame(error, index);
    this.fail(error);
    return false;
  }

  /** Decides on a failed item: its failure in the list, or the end of the batch. */
  failItem(error: unknown, worker: Worker): ItemFailure<unknown> | typeof NO_RESULT {
    const tooMany = this.#tally?.add(error);
    const { index, item, tries } = worker;
    if (this.#collects && !tooMany) return new ItemFailure(index, item, error, tries);
    worker.end();
    if (tooMany !== undefined) this.blame(tooMany);
    this.fail(tooMany ?? error);
    return NO_RESULT;
  }

  /** Ends an item without a result: after a drain or an abort, or because it is set aside. */
  leaveUndone(worker: Worker, setAside?: unknown): typeof NO_RESULT {
    this.#undone = true;
    this.#setAside ??= setAside;
    worker.end();
    return NO_RESULT;
  }

  /**
   * Whether the batch has all its results.
   *
   * @param isDone - Whether there is certainly no further item.
   * @throws The first failure; the reason of an abort or of a drain; the error of an item that was set aside.
   */
  check(isDone: boolean): void {
    const cancellation = this.#cancellation;
    if (this.#failure !== undefined && !cancellation.abandoning) throw this.#failure.error;
    cancellation.throwIfAborted();
    if (this.#undone || !isDone) cancellation.throwIfDraining();
    if (this.#setAside !== undefined) throw this.#setAside;
  }
}
