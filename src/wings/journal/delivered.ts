// The delivered items of a batch, and the actions of iterations.
import { decode, encode, problemOf } from "../shared/plain-data.js";
import { Ranges } from "./ranges.js";

/** The row of deliveries. */
export interface SavedDeliveries {
  /** The slots of delivered items, and the number of failed ones. */
  readonly done: readonly number[];
  readonly failed: number;
  /**
   * The slots of iterations that ended with an action, by the action's text, because there are few distinct actions.
   */
  readonly actions?: Readonly<Record<string, readonly number[]>>;
}

/** The deliveries of one batch. */
export class Delivered {
  readonly #done: Ranges;
  readonly #actions = new Map<string, Ranges>();
  failed: number;

  constructor({ done, failed, actions = {} }: SavedDeliveries = { done: [], failed: 0 }) {
    this.#done = new Ranges(done);
    this.failed = failed;
    for (const [action, slots] of Object.entries(actions)) this.#actions.set(action, new Ranges(slots));
  }

  has(slot: number): boolean {
    return this.#done.has(slot);
  }

  /** The result of a delivered item. */
  at(slot: number): { readonly result: unknown } {
    for (const [action, slots] of this.#actions) if (slots.has(slot)) return { result: decode(action) };
    return { result: undefined };
  }

  /** @param action - The last action of an iteration, for the list that `post` gets. */
  add(slot: number, hasFailed: boolean, action: unknown): void {
    this.#done.add(slot);
    if (hasFailed) this.failed++;
    if (hasFailed || action === undefined || problemOf(action) !== undefined) return;
    const text = encode(action);
    let slots = this.#actions.get(text);
    if (slots === undefined) this.#actions.set(text, (slots = new Ranges()));
    slots.add(slot);
  }

  toJSON(): SavedDeliveries {
    const { failed } = this;
    const done = this.#done.toJSON();
    if (this.#actions.size === 0) return { done, failed };
    const actions = Object.fromEntries([...this.#actions].map(([text, slots]) => [text, slots.toJSON()]));
    return { done, failed, actions };
  }
}
