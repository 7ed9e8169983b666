// One store of a run, and the consistent cuts that are taken of it: no hook is writing, and each walk is at a place
// from which it can go on.
import { createHash } from "node:crypto";
import { isObject, type Named, nameOf, quote, warn } from "sluice/internal";
import type { Change, Entry } from "./driver.js";
import { isUnder } from "./keys.js";
import { decodeGroup, encodeGroups, type Group, notSerializable, problemOf } from "./plain-data.js";

/** A part of a cut that is kept as a row of its own: a walk or a batch. */
export interface Part {
  readonly key: string;
  /** Whether it has ended, so that this cut is the last that has it. */
  readonly isOver: boolean;
  /** Its row, where it has changed since the last cut. */
  changes(): Change | undefined;
  /** The object that `prep` has returned, unless it cannot be kept. */
  readonly input: { readonly key: string; readonly value: object } | undefined;
  /** Notes whether a cut has kept the input. */
  keptInput(isKept: boolean): void;
}

/** A hook that writes the store. */
interface Writer {
  readonly node: Named;
  readonly hook: string;
}

/** Ms without a cut after which new writers wait, and how long they do at most. */
const PATIENCE = 1_000;
const LONGEST_WAIT = 5_000;
/** Ms of encoding that are worth a warning. */
const SLOW = 40;
/** Begins the names of inputs, which no key of a store has. */
const INPUT = "\u0000";
const ORDER = "\u0001";
const ALIASES = "\u0002";

/** One store. */
export class StoreCut {
  /** Empty for the run's own store; else the key of the iteration that forked it. */
  readonly key: string;
  readonly store: Record<string, unknown>;
  readonly parts = new Set<Part>();
  /** What walks had got from `prep`, by their key, where a store was restored. */
  readonly inputs = new Map<string, unknown>();
  /** Steps and items that are over, whose rows are of no use after the next cut; written by walks and batches. */
  passed: string[] = [];
  /** Since when a cut is due but hooks write; written by `want` and `take`. */
  #wantedSince: number | undefined;
  /** The store that this one was forked from. */
  readonly outer: StoreCut | undefined;
  readonly #transient: ReadonlySet<string>;
  readonly #flow: Named;
  readonly #writers = new Set<Writer>();
  /** Hooks that threw, whose writes are half done; what stands for them is a key. */
  readonly #broken = new Set<string>();
  /** A hash of what the last cut wrote, by the first key of each group. */
  #written = new Map<string, string>();
  /** Inputs that are written and reach nothing of the store, so that they need not be looked at again. */
  readonly #settled = new Map<string, object>();
  #waiting: (() => void)[] = [];
  #hasWarned = false;

  constructor(
    key: string,
    store: Record<string, unknown>,
    transient: ReadonlySet<string>,
    flow: Named,
    outer?: StoreCut,
  ) {
    this.key = key;
    this.store = store;
    this.outer = outer;
    this.#transient = transient;
    this.#flow = flow;
  }

  /** The cut of a store that was forked from this one. */
  forked(key: string, store: Record<string, unknown>): StoreCut {
    return new StoreCut(key, store, this.#transient, this.#flow, this);
  }

  /** Takes what an earlier process has written as this store, in place. */
  restore(rows: readonly Entry[]): void {
    const values = new Map<string, unknown>();
    for (const { item, value } of rows) {
      this.#written.set(item, "");
      for (const [key, each] of decodeGroup(value)) values.set(key, each);
    }
    for (const key of Object.keys(this.store)) if (!this.#transient.has(key)) delete this.store[key];
    const aliases = (values.get(ALIASES) ?? {}) as Readonly<Record<string, string>>;
    for (const key of values.get(ORDER) as string[]) {
      const alias = aliases[key];
      this.store[key] = alias === undefined ? values.get(key) : this.outer?.store[alias];
    }
    for (const key of this.#transient) {
      if (this.outer !== undefined && key in this.outer.store) this.store[key] = this.outer.store[key];
    }
    for (const [key, value] of values) if (key.startsWith(INPUT)) this.inputs.set(key.slice(1), value);
  }

  get canCut(): boolean {
    return this.#writers.size === 0 && this.#broken.size === 0;
  }

  /** Notes that a hook writes the store, and gives what ends that. */
  enter(node: Named, hook: string): () => void {
    const writer = { node, hook };
    this.#writers.add(writer);
    return () => this.#writers.delete(writer);
  }

  /** Notes that a hook has thrown at this key: the cut before it stays in force until the failure is dealt with. */
  break(key: string): void {
    this.#broken.add(key);
  }

  /** A failure at or under this key was dealt with. */
  mend(key: string): void {
    for (const other of this.#broken) if (isUnder(other, key)) this.#broken.delete(other);
  }

  /** What a new writer has to wait for, so that a cut can be taken at last. */
  room(): Promise<void> | undefined {
    if (this.#wantedSince === undefined || this.#writers.size === 0 || this.#broken.size > 0)
      return undefined;
    const waited = performance.now() - this.#wantedSince;
    if (waited < PATIENCE) return undefined;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#warnOfWriters();
        this.#wantedSince = undefined;
        this.#release();
      }, LONGEST_WAIT);
      timer.unref?.();
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Lets those go on who wait for a cut. */
  #release(): void {
    for (const go of this.#waiting.splice(0)) go();
  }

  #warnOfWriters(): void {
    const hooks = [...this.#writers].map(({ node, hook }) => `${quote(nameOf(node))}.${hook}`);
    warn(
      "SLUICE_NO_CHECKPOINT",
      `No checkpoint for ${(PATIENCE + LONGEST_WAIT) / 1_000} s: ${hooks.slice(0, 3).join(", ")} was writing the store all the time; do slow work in exec(), and write the store in one go`,
    );
  }

  /** A cut is due. @returns Whether it can be taken now. */
  want(): boolean {
    if (this.canCut) return true;
    this.#wantedSince ??= performance.now();
    return false;
  }

  /**
   * Takes a cut: what has changed since the last one.
   *
   * @throws SluiceError `NOT_SERIALIZABLE`.
   */
  take(): Change[] {
    const began = performance.now();
    const inputs = this.#inputs();
    const groups = this.#encode(inputs);
    const changes = this.#difference(groups, inputs);
    for (const part of this.parts) {
      const change = part.changes();
      if (change !== undefined) changes.push(change);
      if (part.isOver) this.parts.delete(part);
    }
    this.#wantedSince = undefined;
    this.#release();
    const took = performance.now() - began;
    if (took > SLOW && !this.#hasWarned) this.#warnOfSize(took, groups);
    return changes;
  }

  /** What the walks in progress work on, by the name that it is written under. */
  #inputs(): Map<string, object> {
    const inputs = new Map<string, object>();
    for (const part of this.parts) {
      const { input } = part;
      if (input === undefined) continue;
      const item = `${INPUT}${input.key}`;
      const isKept = this.#settled.get(item) === input.value || problemOf(input.value) === undefined;
      part.keptInput(isKept);
      if (isKept) inputs.set(item, input.value);
    }
    return inputs;
  }

  #encode(inputs: ReadonlyMap<string, object>): Group[] {
    const values = new Map<string, unknown>();
    const where = (key: string) => `${quote(nameOf(this.#flow))}: the store's ${quote(key)}`;
    for (const key of Object.keys(this.store)) {
      if (this.#transient.has(key)) continue;
      const { get, value } = Object.getOwnPropertyDescriptor(this.store, key) as PropertyDescriptor;
      if (get !== undefined) throw notSerializable(where(key), "a getter");
      values.set(key, value);
    }
    values.set(ORDER, [...values.keys()]);
    this.#alias(values);
    for (const [item, value] of inputs) if (this.#settled.get(item) !== value) values.set(item, value);
    return encodeGroups(values, where);
  }

  /** What a fork shares with the store that it was forked from, key by key, stays shared. */
  #alias(values: Map<string, unknown>): void {
    if (this.outer === undefined) return;
    const owners = new Map(Object.entries(this.outer.store).map(([key, value]) => [value, key]));
    const aliases: Record<string, string> = {};
    for (const [key, value] of values) {
      const owner = isObject(value) ? owners.get(value) : undefined;
      if (owner === undefined) continue;
      aliases[key] = owner;
      values.delete(key);
    }
    values.set(ALIASES, aliases);
  }

  #difference(groups: readonly Group[], inputs: ReadonlyMap<string, object>): Change[] {
    const changes: Change[] = [];
    const written = new Map<string, string>();
    for (const [item, value] of this.#settled) {
      if (inputs.get(item) === value) written.set(item, "");
      else this.#settled.delete(item);
    }
    for (const { keys, text } of groups) {
      const item = keys[0] as string;
      const digest = createHash("sha1").update(text).digest("base64");
      written.set(item, digest);
      const input = keys.length === 1 ? inputs.get(item) : undefined;
      if (input !== undefined) this.#settled.set(item, input);
      if (this.#written.get(item) === digest) continue;
      changes.push({ put: { kind: "store", key: this.key, item, value: text } });
    }
    for (const item of this.#written.keys()) {
      if (!written.has(item)) changes.push({ delete: { kind: "store", key: this.key, item } });
    }
    this.#written = written;
    return changes;
  }

  #warnOfSize(took: number, groups: readonly Group[]): void {
    this.#hasWarned = true;
    const largest = groups.reduce((a, b) => (a.text.length < b.text.length ? b : a));
    warn(
      "SLUICE_LARGE_STORE",
      `Encoding the store for a checkpoint took ${Math.round(took)} ms, in which nothing else ran; its largest part is ${quote(largest.keys[0] as string)} with ${largest.text.length.toLocaleString("en")} characters: keep large data in files, and their names in the store`,
    );
  }
}
