// The links of a node: the target of each action.
import type { NODE } from "../base/keys.js";

/** A node with links. */
export interface Linked {
  readonly name: string;
  readonly [NODE]: {
    readonly links: Links<Linked | null>;
    readonly copies?: { readonly original: Linked } | undefined;
  };
}

/**
 * Targets by action, in the order in which they were set. Most nodes have one link: with a Map for each node,
 * building and running a small flow takes 5 % longer, and so does a step.
 */
export class Links<Target> {
  #action: string | undefined;
  #target: Target | undefined;
  #others: Map<string, Target> | undefined;

  get(action: string): Target | undefined {
    return action === this.#action ? this.#target : this.#others?.get(action);
  }

  set(action: string, target: Target): void {
    if (this.#action !== undefined && action !== this.#action) {
      this.#others ??= new Map();
      this.#others.set(action, target);
    } else {
      this.#action = action;
      this.#target = target;
    }
  }

  get size(): number {
    return this.#action === undefined ? 0 : 1 + (this.#others?.size ?? 0);
  }

  *entries(): Generator<[action: string, target: Target], undefined> {
    if (this.#action === undefined) return;
    yield [this.#action, this.#target as Target];
    if (this.#others !== undefined) yield* this.#others;
  }
}
