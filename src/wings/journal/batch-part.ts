// One execution of a batch in a journaled run: which item is which, whatever its index is now, and which are done.
import { SluiceError } from "sluice";
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
  show,
} from "sluice/internal";
import type { Change } from "./driver.js";
import { canonical, fingerprint, NumberByHash } from "./identity.js";
import { Ranges } from "./ranges.js";
import type { Part, StoreCut } from "./store-cut.js";
import type { WalkPart } from "./walk-part.js";

/** A batch as its row has it. */
export interface SavedBatch {
  /** Items that were delivered, by slot, and how many of them had failed. */
  readonly done: readonly number[];
  readonly failed: number;
  /** Whether items are found by their hash, since the batch was resumed without the list that it began with. */
  readonly byHash: boolean;
}

/** What an earlier process has written of the items of a batch. */
export interface KnownItems {
  readonly saved: SavedBatch | undefined;
  /** Slots by the hash of their item, where items must be found by it. */
  readonly byHash: NumberByHash | undefined;
  /** Slots that have a row. */
  readonly rows: Ranges;
  /** The first slot that is free. */
  readonly free: number;
}

/** What a batch needs of its run. */
export interface BatchHost {
  /** What is known; `undefined` in a run that begins. */
  known(batch: BatchPart): Promise<KnownItems> | undefined;
  add(change: Change): void;
  /** Gives a forked store, or the one that an earlier process has left. */
  fork(batch: BatchPart, slot: number, ctx: StepContext, fork: () => unknown): unknown;
  itemEnded(batch: BatchPart, slot: number, isNamedByIndex: boolean): void;
  broke(cut: StoreCut, key: string): void;
  warnOnce(node: Step, code: "SLUICE_NOT_REMEMBERED", message: string): void;
}

/** A batch in progress. */
export class BatchPart implements Part, BatchRecord {
  readonly key: string;
  readonly node: Step;
  /** The walk that it is a step of: it knows whether the items are kept. */
  readonly walk: WalkPart;
  readonly ready: Promise<void> | undefined;
  readonly input = undefined;
  readonly isOver = false;
  readonly #host: BatchHost;
  #done = new Ranges();
  #failed = 0;
  #hasChanged = false;
  /** Slots that differ from the index; written by `take`. */
  readonly #slots = new Map<number, number>();
  /** The hashes of items in flight that are to be written with their rows; written by `take`, read by `hashOf`. */
  readonly #hashes = new Map<number, string>();
  /** How many items had a hash so far. */
  #seen: NumberByHash | undefined;
  #known: KnownItems | undefined;
  #free = 0;

  constructor(host: BatchHost, key: string, node: Step, walk: WalkPart) {
    this.#host = host;
    this.key = key;
    this.node = node;
    this.walk = walk;
    walk.cut.parts.add(this);
    this.ready = host.known(this)?.then((known) => this.#open(known));
  }

  #open(known: KnownItems): void {
    this.#known = known;
    this.#free = known.free;
    this.#hasChanged = known.byHash !== undefined;
    if (known.saved === undefined) return;
    this.#done = new Ranges(known.saved.done);
    this.#failed = known.saved.failed;
  }

  keptInput(): void {}

  changes(): Change | undefined {
    if (!this.#hasChanged) return undefined;
    this.#hasChanged = false;
    const saved: SavedBatch = {
      done: this.#done.toJSON(),
      failed: this.#failed,
      byHash: this.#known?.byHash !== undefined,
    };
    return { put: { kind: "batch", key: this.key, item: "", value: JSON.stringify(saved) } };
  }

  /** Whether an earlier process has written a row for an item. */
  hasRow(slot: number): boolean {
    return this.#known?.rows.has(slot) === true;
  }

  /**
   * The hash to write with the row of an item; nothing where its index names it, and an empty text where nothing does,
   * so that a row would be of no use. Forgets it.
   */
  hashOf(slot: number): string | undefined {
    const hash = this.#hashes.get(slot);
    this.#hashes.delete(slot);
    return hash;
  }

  take(item: unknown, index: number): boolean {
    const hash = this.#hash(item);
    const slot = this.#findSlot(index, hash);
    if (slot !== index) this.#slots.set(index, slot);
    if (this.#done.has(slot)) return true;
    if (hash === undefined) return false;
    if (this.node[NODE].leaf) this.#hashes.set(slot, hash);
    else if (hash !== "" && !this.hasRow(slot)) {
      this.#host.add({ put: { kind: "start", key: this.key, item: String(slot), hash, value: "" } });
    }
    return false;
  }

  /** What names an item where its index does not. @throws SluiceError `DUPLICATE_KEY`. */
  #hash(item: unknown): string | undefined {
    const { itemKey } = this.node[NODE].options as { readonly itemKey?: (item: unknown) => unknown };
    if (itemKey === undefined && this.walk.isKept && this.#known?.byHash === undefined) return undefined;
    const text = itemKey === undefined ? canonical(item) : this.#keyOf(item, itemKey);
    if (text === undefined) {
      const reason =
        "an item that is no plain data cannot be found again, so its result is not kept; give the batch an `itemKey`";
      this.#host.warnOnce(this.node, "SLUICE_NOT_REMEMBERED", `${quote(nameOf(this.node))}: ${reason}`);
      return "";
    }
    this.#seen ??= new NumberByHash();
    const name = fingerprint(text);
    const ordinal = this.#seen.get(name) ?? 0;
    this.#seen.set(name, ordinal + 1);
    if (itemKey === undefined) return ordinal === 0 ? name : fingerprint(`${text}\n${ordinal}`);
    if (ordinal === 0) return name;
    throw new SluiceError(
      "DUPLICATE_KEY",
      `${quote(nameOf(this.node))}: expected itemKey() to give each item a key of its own, got ${text} twice`,
    );
  }

  #keyOf(item: unknown, itemKey: (item: unknown) => unknown): string {
    const key = itemKey(item);
    if (typeof key === "string" || typeof key === "number") return `key ${show(key)} ${key}`;
    const text = `${quote(nameOf(this.node))}: expected itemKey() to return a string or a number, got ${show(key)}`;
    throw new SluiceError("INVALID_OPTION", text);
  }

  #findSlot(index: number, hash: string | undefined): number {
    const byHash = this.#known?.byHash;
    if (byHash === undefined || hash === undefined) return index;
    return (hash === "" ? undefined : byHash.get(hash)) ?? this.#free++;
  }

  slotOf(index: number): number {
    return this.#slots.get(index) ?? index;
  }

  fork(index: number, ctx: StepContext, fork: () => unknown): unknown {
    const { cut } = this.walk;
    const leave = cut.enter(this.node, "fork");
    const failed = (error: unknown) => {
      leave();
      this.#host.broke(cut, `${this.key}[${this.slotOf(index)}]`);
      throw error;
    };
    const ended = (store: unknown) => {
      leave();
      return store;
    };
    let store: unknown;
    try {
      store = this.#host.fork(this, this.slotOf(index), ctx, fork);
    } catch (error) {
      return failed(error);
    }
    return isThenable(store) ? after(store, ended, failed) : ended(store);
  }

  deliver(index: number, hasFailed: boolean, deliver: () => unknown): unknown {
    const room = this.walk.cut.room();
    const call = () => this.#deliver(this.slotOf(index), hasFailed, deliver);
    return room === undefined ? call() : after(room, call, rethrow);
  }

  #deliver(slot: number, hasFailed: boolean, deliver: () => unknown): unknown {
    const { cut } = this.walk;
    const leave = cut.enter(this.node, "onResult");
    return after(
      (async () => deliver())(),
      () => {
        leave();
        this.#end(slot, hasFailed);
      },
      (error) => {
        leave();
        this.#host.broke(cut, this.key);
        throw error;
      },
    );
  }

  #end(slot: number, hasFailed: boolean): void {
    if (hasFailed) this.#failed++;
    this.#done.add(slot);
    this.#hasChanged = true;
    this.#host.itemEnded(this, slot, this.walk.isKept && this.#known?.byHash === undefined);
  }

  absorb(index: number): void {
    const key = `${this.key}[${this.slotOf(index)}]`;
    this.walk.cut.mend(key);
  }
}
