// The identity of an item independently of its index: its key, or a hash of it.
import { SluiceError } from "sluice";
import { builtInOf, hashNumber, isObject, type Named, nameOf, quote, show } from "sluice/internal";
import { isPlain } from "../shared/plain-data.js";

/**
 * Serialises plain data canonically: equal values have equal texts, whatever the order of keys; `undefined` if the
 * value is not plain data.
 */
export function canonical(value: unknown): string | undefined {
  try {
    return write(value, 0);
  } catch {
    return undefined;
  }
}

/**
 * The text of the key that `itemKey` returns.
 * @throws SluiceError `INVALID_OPTION` if that is not a string or a number.
 */
export function keyOf(node: Named, item: unknown, itemKey: (item: unknown) => unknown): string {
  const key = itemKey(item);
  if (typeof key === "string" || typeof key === "number") return `key ${show(key)} ${key}`;
  const text = `${quote(nameOf(node))}: expected itemKey() to return a string or a number, got ${show(key)}`;
  throw new SluiceError("INVALID_OPTION", text);
}

const DEEPEST = 200;

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "bigint":
      return `${value}n`;
    case "function":
    case "symbol":
      throw new TypeError("not plain");
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
  }
  if (!isObject(value)) return String(value);
  if (depth > DEEPEST) throw new TypeError("too deep");
  return writeObject(value, depth + 1);
}

function writeObject(value: object, depth: number): string {
  if (Array.isArray(value)) return `[${value.map((each) => write(each, depth)).join()}]`;
  if (ArrayBuffer.isView(value)) {
    return `bytes(${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")})`;
  }
  const builtIn = builtInOf(value);
  if (builtIn === "Date") return `date(${Number(value)})`;
  if (builtIn === "Map" || builtIn === "Set") {
    return `${builtIn}(${[...(value as Iterable<unknown>)].map((each) => write(each, depth)).join()})`;
  }
  if (!isPlain(value)) throw new TypeError("not plain");
  const pairs = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${write((value as Record<string, unknown>)[key], depth)}`);
  return `{${pairs.join()}}`;
}

/** 106 bits of a text, as two numbers. */
export interface Fingerprint {
  readonly high: number;
  readonly low: number;
}

export const fingerprint = (text: string): Fingerprint => ({
  high: hashNumber(text),
  low: hashNumber(text, 1),
});

/** Replaces the fingerprint of an item that is not plain data and has no key. */
export const NAMELESS = Symbol("nameless");
export type Name = Fingerprint | typeof NAMELESS;

/** The text of a fingerprint in rows. */
export const toText = ({ high, low }: Fingerprint): string => `${high.toString(36)}.${low.toString(36)}`;

export function fromText(text: string): Fingerprint {
  const [high = "", low = ""] = text.split(".");
  return { high: Number.parseInt(high, 36), low: Number.parseInt(low, 36) };
}

/**
 * A compact map from fingerprints to numbers: a million entries take 30 MB, in a Map over 100 MB. Open addressing with
 * linear probing.
 */
export class NumberByFingerprint {
  /** The high halves plus 1; 0 marks a free place. */
  #highs = new Float64Array(1 << 10);
  #lows = new Float64Array(1 << 10);
  #numbers = new Uint32Array(1 << 10);
  #size = 0;

  #find(high: number, low: number): number {
    const highs = this.#highs;
    const lows = this.#lows;
    const mask = highs.length - 1;
    let at = (high ^ low) & mask;
    while (highs[at] !== 0 && (highs[at] !== high || lows[at] !== low)) at = (at + 1) & mask;
    return at;
  }

  get({ high, low }: Fingerprint): number | undefined {
    const at = this.#find(high + 1, low);
    return this.#highs[at] === 0 ? undefined : this.#numbers[at];
  }

  set({ high, low }: Fingerprint, number: number): void {
    if (this.#size * 4 > this.#highs.length * 3) this.#grow();
    const at = this.#find(high + 1, low);
    if (this.#highs[at] === 0) this.#size++;
    this.#put(at, high + 1, low, number);
  }

  #put(at: number, high: number, low: number, number: number): void {
    this.#highs[at] = high;
    this.#lows[at] = low;
    this.#numbers[at] = number;
  }

  #grow(): void {
    const [highs, lows, numbers] = [this.#highs, this.#lows, this.#numbers];
    this.#highs = new Float64Array(highs.length * 2);
    this.#lows = new Float64Array(highs.length * 2);
    this.#numbers = new Uint32Array(highs.length * 2);
    for (let from = 0; from < highs.length; from++) {
      const [high, low] = [highs[from] as number, lows[from] as number];
      if (high !== 0) this.#put(this.#find(high, low), high, low, numbers[from] as number);
    }
  }
}

/** The fingerprints of the items of a batch, in order. */
export class Fingerprints {
  readonly #counts = new NumberByFingerprint();

  /**
   * Returns the fingerprint of the next text; for a repeated text a distinct one, or `undefined` if it must not repeat.
   */
  add(text: string, mayRepeat: boolean): Fingerprint | undefined {
    const first = fingerprint(text);
    const count = this.#counts.get(first) ?? 0;
    this.#counts.set(first, count + 1);
    if (count === 0) return first;
    return mayRepeat ? fingerprint(`${text}\n${count}`) : undefined;
  }
}
