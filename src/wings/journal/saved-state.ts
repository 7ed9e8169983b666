// The state of a run that an earlier process has left: positions of walks, done items, stores.

import { decode } from "../shared/plain-data.js";
import type { SavedBatch } from "./batch-part.js";
import type { Entry } from "./driver.js";
import { attemptIn, isUnder, withoutAttempt } from "./keys.js";
import type { StoreCut } from "./store-cut.js";
import type { Kept, SavedWalk } from "./walk-part.js";

/** A walk that is resumed. */
export interface ResumedWalk extends Omit<SavedWalk, "input"> {
  readonly kept: Kept | undefined;
}

/** The rows of a resumed run; the part that continues from a row takes it once. */
export class SavedState {
  readonly #walks = new Map<string, SavedWalk>();
  readonly #batches = new Map<string, SavedBatch>();
  readonly #stores = new Map<string, Entry[]>();
  /** Restored forks, until their iterations continue. */
  readonly #forks = new Map<string, StoreCut>();
  /** The current attempt of each walk, by its key without the attempt. */
  readonly #attempts = new Map<string, number>();

  constructor(entries: readonly Entry[]) {
    for (const entry of entries) {
      const { kind, key, value } = entry;
      if (kind === "walk") this.#addWalk(key, JSON.parse(value) as SavedWalk);
      else if (kind === "batch") this.#batches.set(key, JSON.parse(value) as SavedBatch);
      else if (kind === "store") {
        const rows = this.#stores.get(key);
        if (rows === undefined) this.#stores.set(key, [entry]);
        else rows.push(entry);
      }
    }
  }

  #addWalk(key: string, walk: SavedWalk): void {
    this.#walks.set(key, walk);
    const plain = withoutAttempt(key);
    this.#attempts.set(plain, Math.max(attemptIn(key), this.attemptAt(plain)));
  }

  /** The positions of resumed walks: their keys and the ids of their nodes. */
  *places(): Generator<readonly [walk: string, node: string]> {
    for (const [key, { node, phase }] of this.#walks) if (phase !== "ended") yield [key, node];
  }

  attemptAt(key: string): number {
    return this.#attempts.get(key) ?? 0;
  }

  /** Removes the rows at and under a key. */
  forget(key: string): void {
    for (const map of [this.#walks, this.#batches, this.#forks]) {
      for (const each of map.keys()) if (isUnder(each, key)) map.delete(each);
    }
  }

  takeWalk(key: string, cut: StoreCut): ResumedWalk | undefined {
    const walk = this.#walks.get(key);
    if (walk === undefined) return undefined;
    this.#walks.delete(key);
    const { input, ...rest } = walk;
    if (walk.phase !== "exec") return { ...rest, kept: undefined };
    const kept = { input: input === undefined ? cut.inputs.get(key) : decode(input) };
    cut.inputs.delete(key);
    return { ...rest, kept };
  }

  takeBatch(key: string): SavedBatch | undefined {
    const batch = this.#batches.get(key);
    this.#batches.delete(key);
    return batch;
  }

  /** Restores all stores; a fork shares values with its outer store. @returns Whether there was a store. */
  restore(root: StoreCut): boolean {
    const rows = this.#stores.get("");
    if (rows === undefined) return false;
    root.restore(rows);
    this.#stores.delete("");
    const keys = [...this.#stores.keys()].sort((a, b) => a.length - b.length);
    for (const key of keys) {
      let outer = root;
      for (const [other, each] of this.#forks) if (isUnder(key, other)) outer = each; // the innermost is last
      const fork = outer.forked(key, {});
      fork.restore(this.#stores.get(key) as Entry[]);
      this.#forks.set(key, fork);
    }
    this.#stores.clear();
    return true;
  }

  takeFork(key: string): StoreCut | undefined {
    const fork = this.#forks.get(key);
    this.#forks.delete(key);
    return fork;
  }
}
