// The active parts of a run: walks and batches by their step, and forked stores.
import { isUnder, parentOf, withoutAttempt } from "./keys.js";
import type { Part, StoreCut } from "./store-cut.js";
import { WalkPart } from "./walk-part.js";

/** A walk or a batch, with its store. */
type LivePart = Part & { readonly cut: StoreCut };

/** The active parts of one run. */
export class LiveParts {
  readonly #cuts = new Map<object, StoreCut>();
  readonly #forks = new Map<string, StoreCut>();
  /** By key without the attempt, because one attempt at a time is active. */
  readonly #walks = new Map<string, WalkPart>();
  readonly #children = new Map<string, Set<LivePart>>();
  readonly #onDrop: (fork: StoreCut) => void;

  /** @param onDrop - Called with each fork that is no longer used. */
  constructor(root: StoreCut, onDrop: (fork: StoreCut) => void) {
    this.#cuts.set(root.store, root);
    this.#onDrop = onDrop;
  }

  cutOf(store: unknown): StoreCut | undefined {
    return this.#cuts.get(store as object);
  }

  get cuts(): Iterable<StoreCut> {
    return this.#cuts.values();
  }

  walkAt(key: string): WalkPart | undefined {
    return this.#walks.get(withoutAttempt(key));
  }

  forkAt(key: string): StoreCut | undefined {
    return this.#forks.get(key);
  }

  enter(walk: WalkPart): void {
    this.#walks.set(withoutAttempt(walk.key), walk);
    this.adopt(parentOf(walk.key), walk);
  }

  /** Adds a walk or a batch to its step. */
  adopt(step: string, part: LivePart): void {
    let siblings = this.#children.get(step);
    if (siblings === undefined) this.#children.set(step, (siblings = new Set()));
    siblings.add(part);
  }

  addFork(fork: StoreCut): void {
    this.#cuts.set(fork.store, fork);
    this.#forks.set(fork.key, fork);
  }

  dropFork(key: string): void {
    const fork = this.#forks.get(key);
    if (fork === undefined) return;
    this.#forks.delete(key);
    this.#cuts.delete(fork.store);
    fork.outer?.forks.delete(fork);
    this.#onDrop(fork);
  }

  /** Removes a walk and the active parts of its current step. */
  leave(walk: WalkPart): void {
    this.#walks.delete(withoutAttempt(walk.key));
    walk.cut.parts.delete(walk);
    const step = parentOf(walk.key);
    const siblings = this.#children.get(step);
    siblings?.delete(walk);
    if (siblings?.size === 0) this.#children.delete(step);
    this.forget(walk.scope.keyOf(walk.node, walk.steps + 1));
  }

  /** Removes the parts of a step. */
  forget(step: string): void {
    const children = this.#children.get(step);
    this.#children.delete(step);
    for (const part of children ?? []) {
      if (part instanceof WalkPart) this.leave(part);
      else part.cut.parts.delete(part);
    }
    for (const key of this.#forks.keys()) if (isUnder(key, step)) this.dropFork(key);
  }
}
