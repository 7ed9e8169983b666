// One execution of a batch in a journaled run: the identities of its items, which do not depend on the index, and their
// states.
import { isFailure, SluiceError } from "sluice";
import {
  after,
  type BatchRecord,
  isThenable,
  NODE,
  nameOf,
  quote,
  rethrow,
  type Step,
  type StepContext,
} from "sluice/internal";
import { Delivered, type SavedDeliveries } from "./delivered.js";
import type { Change } from "./driver.js";
import { canonical, Fingerprints, keyOf, NAMELESS, type Name, toText } from "./identity.js";
import type { KnownItems } from "./known-items.js";
import type { Part, StoreCut } from "./store-cut.js";
import type { WalkPart } from "./walk-part.js";
import { waitOr } from "./writers.js";

/** The row of a batch. */
export interface SavedBatch extends SavedDeliveries {
  /** Whether items are found by their hash, because the batch was resumed without its original list. */
  readonly byHash: boolean;
  /** The number of first items named by their hash, because the list was not kept yet. */
  readonly hashed: number;
}

/** The part of a run that a batch uses. */
export interface BatchHost {
  /** Returns the known items; `undefined` in a new run. */
  known(batch: BatchPart): Promise<KnownItems> | undefined;
  add(change: Change): void;
  /** Returns a forked store, or the recorded one of an earlier process. */
  fork(batch: BatchPart, slot: number, fork: () => unknown): unknown;
  itemEnded(batch: BatchPart, slot: number, isNamedByIndex: boolean): void;
  hookEnded(cut: StoreCut): void;
  warnOnce(node: Step, code: "SLUICE_NOT_REMEMBERED", message: string): void;
}

/** A batch in progress. */
export class BatchPart implements Part, BatchRecord {
  readonly key: string;
  readonly node: Step;
  readonly cut: StoreCut;
  readonly ready: Promise<void> | undefined;
  readonly input = undefined;
  readonly isOver = false;
  readonly #host: BatchHost;
  /** The walk of its step, which knows whether the items are kept. */
  readonly #walk: WalkPart;
  #delivered = new Delivered();
  #hasChanged = false;
  /** Slots that differ from the index; written by `take`. */
  readonly #slots = new Map<number, number>();
  /** The names of items in flight that have one beside the index; written by `take` and `ended`. */
  readonly #names = new Map<number, string>();
  #fingerprints: Fingerprints | undefined;
  #known: KnownItems | undefined;
  #free = 0;
  #hashed = 0;

  constructor(host: BatchHost, key: string, node: Step, walk: WalkPart) {
    this.#host = host;
    this.key = key;
    this.node = node;
    this.#walk = walk;
    this.cut = walk.cut;
    this.cut.parts.add(this);
    this.ready = host.known(this)?.then((known) => this.#open(known));
    walk.isOpening = this.ready !== undefined && !walk.isKept;
  }

  /** Whether the list of items is kept. */
  get isKept(): boolean {
    return this.#walk.isKept;
  }

  get failures(): number {
    return this.#delivered.failed;
  }

  #open(known: KnownItems): void {
    this.#known = known;
    this.#walk.isOpening = false;
    this.#free = known.free;
    this.#hasChanged = known.byHash !== undefined;
    if (known.saved === undefined) return;
    this.#hashed = known.saved.hashed;
    this.#delivered = new Delivered(known.saved);
  }

  keptInput(): void {}

  changes(): Change | undefined {
    if (!this.#hasChanged) return undefined;
    this.#hasChanged = false;
    const byHash = this.#known?.byHash !== undefined;
    const saved: SavedBatch = { ...this.#delivered.toJSON(), byHash, hashed: this.#hashed };
    return { put: { kind: "batch", key: this.key, item: "", value: JSON.stringify(saved) } };
  }

  /** Whether an earlier process has written the result of an item. */
  hasResult(slot: number): boolean {
    return this.#known?.results.has(slot) === true;
  }

  /** The hash in the row of an item; `undefined` if its slot identifies it, and `""` if nothing does. */
  hashOf(slot: number): string | undefined {
    return this.#isNamedByIndex ? undefined : this.#names.get(slot);
  }

  /** The identity of an item over resumes. */
  identityOf(slot: number): string {
    return this.#names.get(slot) || String(slot);
  }

  /** Called when an item has its result, or is delivered. */
  ended(slot: number): void {
    this.#names.delete(slot);
  }

  /** Records that an item has begun, so that a later process finds its slot. */
  begin(slot: number): void {
    const hash = this.hashOf(slot);
    if (hash === undefined || hash === "" || this.#known?.begun.has(slot)) return;
    this.#host.add({ put: { kind: "start", key: this.key, item: String(slot), hash, value: "" } });
  }

  get #isNamedByIndex(): boolean {
    return this.#walk.isKept && this.#known?.byHash === undefined;
  }

  take(item: unknown, index: number): { readonly result: unknown } | undefined {
    const isNamedByIndex = this.#isNamedByIndex;
    const name = this.#nameOf(item, index, isNamedByIndex);
    const slot = isNamedByIndex ? index : this.#findSlot(index, name);
    if (slot !== index) this.#slots.set(index, slot);
    if (this.#delivered.has(slot)) return this.#delivered.at(slot);
    if (name === undefined || this.hasResult(slot)) return undefined;
    this.#names.set(slot, name === NAMELESS ? "" : toText(name));
    if (!this.node[NODE].leaf) this.begin(slot);
    return undefined;
  }

  /** The name of an item that its index does not identify. @throws SluiceError `DUPLICATE_KEY`. */
  #nameOf(item: unknown, index: number, isNamedByIndex: boolean): Name | undefined {
    const { itemKey } = this.node[NODE].options as { readonly itemKey?: (item: unknown) => unknown };
    // Items that began with a hash keep it in their `idempotencyKey`.
    if (itemKey === undefined && isNamedByIndex && index >= this.#hashed) return undefined;
    if (!isNamedByIndex) {
      this.#hashed = index + 1;
      this.#hasChanged = true;
    }
    const text = itemKey === undefined ? canonical(item) : keyOf(this.node, item, itemKey);
    if (text === undefined) {
      if (isNamedByIndex) return undefined;
      const reason =
        "an item that is no plain data cannot be found again, so its result is not kept; give the batch an `itemKey`";
      this.#host.warnOnce(this.node, "SLUICE_NOT_REMEMBERED", `${quote(nameOf(this.node))}: ${reason}`);
      return NAMELESS;
    }
    this.#fingerprints ??= new Fingerprints();
    const name = this.#fingerprints.add(text, itemKey === undefined);
    if (name !== undefined) return name;
    throw new SluiceError(
      "DUPLICATE_KEY",
      `${quote(nameOf(this.node))}: expected itemKey() to give each item a key of its own, got ${text} twice`,
    );
  }

  #findSlot(index: number, name: Name | undefined): number {
    const byHash = this.#known?.byHash;
    if (byHash === undefined || name === undefined) return index;
    return (name === NAMELESS ? undefined : byHash.get(name)) ?? this.#free++;
  }

  slotOf(index: number): number {
    return this.#slots.get(index) ?? index;
  }

  fork(index: number, _ctx: StepContext, fork: () => unknown): unknown {
    const { writers } = this.cut;
    const leave = writers.enter(this.node, "fork");
    const slot = this.slotOf(index);
    const failed = (error: unknown) => {
      leave();
      writers.break(`${this.key}[${slot}]`);
      throw error;
    };
    const ended = (store: unknown) => {
      leave();
      this.#host.hookEnded(this.cut);
      return store;
    };
    let store: unknown;
    try {
      store = this.#host.fork(this, slot, fork);
    } catch (error) {
      return failed(error);
    }
    return isThenable(store) ? after(store, ended, failed) : ended(store);
  }

  deliver(index: number, result: unknown, deliver: () => unknown): unknown {
    const hasFailed = isFailure(result);
    // A failure that no hook receives is not final: the item is retried when the run is resumed.
    if (hasFailed && (this.node as { onResult?: unknown }).onResult === undefined) return deliver();
    const room = this.cut.writers.room();
    const call = () => this.#deliver(this.slotOf(index), result, hasFailed, deliver);
    if (room === undefined) return call();
    const { cancellation } = this.#walk.scope;
    return after(
      waitOr(cancellation, room),
      () => {
        cancellation?.throwIfAborted();
        return call();
      },
      rethrow,
    );
  }

  #deliver(slot: number, result: unknown, hasFailed: boolean, deliver: () => unknown): unknown {
    const { writers } = this.cut;
    const leave = writers.enter(this.node, "onResult");
    return after(
      (async () => deliver())(),
      () => {
        leave();
        this.#delivered.add(slot, hasFailed, this.node[NODE].leaf ? undefined : result);
        this.#hasChanged = true;
        this.ended(slot);
        this.#host.itemEnded(this, slot, this.#isNamedByIndex);
        this.#host.hookEnded(this.cut);
      },
      (error) => {
        leave();
        writers.break(this.key);
        throw error;
      },
    );
  }
}
