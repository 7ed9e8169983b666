// The items of an unobserved parallel batch. It starts them all without workers: with a worker for each, 100,000 items
// take three times as long.
import { SluiceError } from "sluice";
import { attempt, Cancellation, executeItem, isThenable, type Scope, type Settings } from "sluice/internal";
import type { Calls } from "./wiring.js";

type Leaf = Parameters<typeof executeItem>[0];

/** One execution of a parallel batch. */
export class AllAtOnce {
  readonly #calls: Leaf;
  readonly #items: readonly unknown[];
  readonly #settings: Settings;
  readonly #scope: Scope;
  /** Aborted by the first failure. */
  readonly #level = new Cancellation();
  readonly #results: unknown[];
  /** The number of items without a result, plus one while items are started; written by #end. */
  #open: number;
  #finish: () => void = () => {};
  /** The first failure; written by #fail. */
  #failure: { readonly error: unknown } | undefined;

  constructor(calls: Calls, items: readonly unknown[], settings: Settings, scope: Scope, step: number) {
    this.#calls = calls as unknown as Leaf;
    this.#items = items;
    this.#settings = settings;
    this.#scope = scope.items(this.#level, step, undefined);
    this.#results = new Array(items.length);
    this.#open = items.length + 1;
    if (scope.cancellation !== undefined) this.#level.follow(scope.cancellation);
  }

  /** @throws The first failure, after the items in flight have ended; or the reason of an abort. */
  async run(): Promise<unknown[]> {
    const level = this.#level;
    const finished = new Promise<void>((resolve) => {
      this.#finish = resolve;
    });
    try {
      const ended = level.race(finished); // the first listener of the abort
      void this.#start();
      await ended;
      if (this.#failure !== undefined && !level.abandoning) throw this.#failure.error;
      level.throwIfAborted();
      level.throwIfDraining();
      return this.#results;
    } finally {
      level.release();
    }
  }

  async #start(): Promise<void> {
    const { yields } = this.#scope.run;
    let index = 0;
    for (; index < this.#items.length && !this.#level.draining; index++) {
      this.#startItem(index);
      if (--yields.budget > 0) continue;
      for (let turn = yields.checkClock(); turn !== undefined; turn = yields.yieldAgain()) await turn;
    }
    this.#open -= Math.max(0, this.#items.length - index);
    this.#end();
  }

  #startItem(index: number): void {
    const item = this.#items[index];
    let work: unknown;
    try {
      work = executeItem(this.#calls, this.#scope, item, index, ALONE);
    } catch (error) {
      this.#retry(index, error);
      return;
    }
    if (isThenable(work)) {
      Promise.resolve(work).then(
        (result) => this.#take(index, result),
        (error) => this.#retry(index, error),
      );
    } else this.#take(index, work);
  }

  #take(index: number, result: unknown): void {
    this.#results[index] = result;
    this.#end();
  }

  /** Hands a failed item to the retries, which decide its outcome. */
  #retry(index: number, error: unknown): void {
    const job = {
      node: this.#calls,
      settings: this.#settings,
      scope: this.#scope,
      input: this.#items[index],
      index,
      step: 1,
    };
    const last = new Promise((resolve) => resolve(attempt(job, { error })));
    last.then(
      (result) => this.#take(index, result),
      (failure) => {
        this.#fail(failure);
        this.#end();
      },
    );
  }

  #fail(error: unknown): void {
    if (this.#level.draining) return; // it failed by the abort, or is undecided
    this.#failure = { error };
    const message = "Another item of the same batch failed (see `cause`)";
    this.#level.abort(new SluiceError("SIBLING_FAILED", message, { cause: error }), false);
  }

  #end(): void {
    if (--this.#open === 0) this.#finish();
  }
}

/** Items that start together need no worker; this one is only written to. */
const ALONE = { tries: 0, ctx: undefined } as unknown as Parameters<typeof executeItem>[4];
