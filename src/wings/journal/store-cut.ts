// One store of a run and its consistent cuts: at a cut no hook is writing, and each walk is at a position from which it
// can continue.
import { createHash } from "node:crypto";
import { isObject, type Named, nameOf, quote, warn } from "sluice/internal";
import {
  decodeGroup,
  encodeGroup,
  encodeGroups,
  type Group,
  notSerializable,
  problemOf,
} from "../shared/plain-data.js";
import type { Change, Entry } from "./driver.js";
import { isUnder } from "./keys.js";
import { Writers } from "./writers.js";

/** A part of a cut with its own row: a walk or a batch. */
export interface Part {
  readonly key: string;
  /** Whether it has ended, so that this cut is its last. */
  readonly isOver: boolean;
  /** Its row, if it has changed since the last cut. */
  changes(): Change | undefined;
  /** The object that `prep` returned, unless it cannot be kept. */
  readonly input: object | undefined;
  /** Records whether a cut has kept the input. */
  keptInput(isKept: boolean): void;
}

/** Milliseconds of encoding that cause a warning. */
const SLOW = 40;
/** The prefixes of row names that are not keys of the store: inputs, the order of keys, aliases, and former aliases. */
const INPUT = "\u0000";
const ORDER = "\u0001";
const ALIASES = "\u0002";
const UNALIASED = "\u0003";

/** One store. */
export class StoreCut {
  /** `""` for the run's own store, otherwise the key of the iteration that forked it. */
  readonly key: string;
  readonly store: Record<string, unknown>;
  /** The store that this one was forked from. */
  readonly outer: StoreCut | undefined;
  readonly parts = new Set<Part>();
  readonly forks = new Set<StoreCut>();
  readonly writers = new Writers();
  /** The results of `prep` of resumed walks, by key, until they continue; written by `restore` and by these walks. */
  readonly inputs = new Map<string, unknown>();
  /** Changes that must be committed with the next cut; written by walks and batches. */
  pending: Change[] = [];
  /** Steps and items that have ended, whose rows are obsolete after the next cut; written by walks and batches. */
  passed: string[] = [];
  readonly #transient: ReadonlySet<string>;
  readonly #flow: Named;
  /** The hash of the last cut, by the first key of each group. */
  #written = new Map<string, string>();
  /** Values shared with the outer store, which the last cut wrote as names only, by their key here. */
  #aliases = new Map<string, { readonly owner: string; readonly value: object }>();
  /** Inputs that are written and share nothing with the store, so that they need not be checked again. */
  readonly #settled = new Map<string, unknown>();
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
    outer?.forks.add(this);
  }

  /** Creates the cut of a store that was forked from this one. */
  forked(key: string, store: Record<string, unknown>): StoreCut {
    return new StoreCut(key, store, this.#transient, this.#flow, this);
  }

  /** Whether a cut was ever taken. */
  get isWritten(): boolean {
    return this.#written.size > 0;
  }

  /** Restores this store in place from the rows of an earlier process. */
  restore(rows: readonly Entry[]): void {
    const values = new Map<string, unknown>();
    for (const { item, value } of rows) {
      this.#written.set(item, "");
      for (const [key, each] of decodeGroup(value)) values.set(key, each);
    }
    for (const key of Object.keys(this.store)) if (!this.#transient.has(key)) delete this.store[key];
    const aliases = (values.get(ALIASES) ?? {}) as Readonly<Record<string, string>>;
    for (const key of values.get(ORDER) as string[]) {
      const owner = aliases[key];
      const isAlias = owner !== undefined && !values.has(key);
      const value = isAlias ? this.outer?.store[owner] : values.get(key);
      this.store[key] = value;
      if (isAlias) this.#aliases.set(key, { owner, value: value as object });
    }
    for (const key of this.#transient) {
      if (this.outer !== undefined && key in this.outer.store) this.store[key] = this.outer.store[key];
    }
    for (const [key, value] of values) if (key.startsWith(INPUT)) this.inputs.set(key.slice(1), value);
  }

  /** Removes the inputs of walks at and under a key. */
  forget(key: string): void {
    for (const walk of this.inputs.keys()) if (isUnder(walk, key)) this.inputs.delete(walk);
  }

  /**
   * Takes a cut: returns the changes since the last one.
   *
   * @throws SluiceError `NOT_SERIALIZABLE`.
   */
  take(): Change[] {
    const began = performance.now();
    const inputs = this.#inputs();
    const groups = this.#encode(inputs);
    const changes = [...this.pending, ...this.#difference(groups, inputs)];
    this.pending = [];
    for (const part of this.parts) {
      const change = part.changes();
      if (change !== undefined) changes.push(change);
      if (part.isOver) this.parts.delete(part);
    }
    for (const fork of this.forks) fork.#unalias(changes);
    this.writers.end();
    const took = performance.now() - began;
    if (took > SLOW && !this.#hasWarned) this.#warnOfSize(took, groups);
    return changes;
  }

  /** The inputs of active walks, by row name. */
  #inputs(): Map<string, unknown> {
    const inputs = new Map<string, unknown>();
    for (const [key, value] of this.inputs) inputs.set(`${INPUT}${key}`, value);
    for (const part of this.parts) {
      const { input } = part;
      if (input === undefined) continue;
      const item = `${INPUT}${part.key}`;
      const isKept = this.#settled.get(item) === input || problemOf(input) === undefined;
      part.keptInput(isKept);
      if (isKept) inputs.set(item, input);
    }
    return inputs;
  }

  #encode(inputs: ReadonlyMap<string, unknown>): Group[] {
    const values = new Map<string, unknown>();
    const where = (key: string) => {
      const after = this.writers.last === undefined ? "" : ` after ${quote(nameOf(this.writers.last))}`;
      return `${quote(nameOf(this.#flow))}: the store's ${quote(key)}${after}`;
    };
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

  /** Replaces values that a fork shares with its outer store by aliases, so that they stay shared. */
  #alias(values: Map<string, unknown>): void {
    if (this.outer === undefined) return;
    const owners = new Map(Object.entries(this.outer.store).map(([key, value]) => [value, key]));
    const aliases: Record<string, string> = {};
    this.#aliases = new Map();
    for (const [key, value] of values) {
      const owner = isObject(value) ? owners.get(value) : undefined;
      if (owner === undefined) continue;
      aliases[key] = owner;
      this.#aliases.set(key, { owner, value: value as object });
      values.delete(key);
    }
    values.set(ALIASES, aliases);
  }

  /** Writes the values that only this fork has, because the outer store has replaced them. */
  #unalias(changes: Change[]): void {
    for (const [key, { owner, value }] of this.#aliases) {
      if (this.outer?.store[owner] === value) continue;
      const item = `${UNALIASED}${key}`;
      changes.push({ put: { kind: "store", key: this.key, item, value: encodeGroup([[key, value]]) } });
      this.#aliases.delete(key);
      this.#written.set(item, "");
    }
  }

  #difference(groups: readonly Group[], inputs: ReadonlyMap<string, unknown>): Change[] {
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
    const named = groups.filter(({ keys }) => (keys.at(-1) as string) > UNALIASED);
    const sizeOf = (some: readonly Group[]) => some.reduce((sum, { text }) => sum + text.length, 0);
    // No warning if most of it is a result of `prep`, which is written once, or if there is little data and the machine
    // was slow.
    if (named.length === 0 || sizeOf(named) * 2 < sizeOf(groups)) return;
    this.#hasWarned = true;
    const largest = named.reduce((a, b) => (a.text.length < b.text.length ? b : a));
    warn(
      "SLUICE_LARGE_STORE",
      `Encoding the store for a checkpoint took ${Math.round(took)} ms, in which nothing else ran; its largest part is ${quote(largest.keys.at(-1) as string)} with ${largest.text.length.toLocaleString("en")} characters: keep large data in files, and their names in the store`,
    );
  }
}
