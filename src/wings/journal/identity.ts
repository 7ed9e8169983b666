// What names an item whatever its index: its key, or a hash of it.
import { SluiceError } from "sluice";
import { builtInOf, hash, isObject, type Named, nameOf, quote, show } from "sluice/internal";
import { isPlain } from "./plain-data.js";

/** A text that is the same for equal plain data, whatever the order of keys; `undefined` for what is not plain. */
export function canonical(value: unknown): string | undefined {
  try {
    return write(value, 0);
  } catch {
    return undefined;
  }
}

/** A text for what `itemKey` gives. @throws SluiceError `INVALID_OPTION` for what is no key. */
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

/** 106 bits of a text. */
export const fingerprint = (text: string): string => `${hash(text)}.${hash(text, 1)}`;

/**
 * Numbers by hash, compact: a million take 30 MB, where a Map would take over 100. Open addressing with linear probing.
 */
export class NumberByHash {
  #highs = new Float64Array(1 << 10);
  #lows = new Float64Array(1 << 10);
  #numbers = new Uint32Array(1 << 10);
  #size = 0;

  #find(high: number, low: number): number {
    const mask = this.#highs.length - 1;
    let at = (high ^ low) & mask;
    while (this.#highs[at] !== 0 && (this.#highs[at] !== high || this.#lows[at] !== low))
      at = (at + 1) & mask;
    return at;
  }

  get(text: string): number | undefined {
    const [high, low] = halves(text);
    const at = this.#find(high, low);
    return this.#highs[at] === 0 ? undefined : this.#numbers[at];
  }

  set(text: string, number: number): void {
    if (this.#size * 4 > this.#highs.length * 3) this.#grow();
    const [high, low] = halves(text);
    const at = this.#find(high, low);
    if (this.#highs[at] === 0) this.#size++;
    this.#highs[at] = high;
    this.#lows[at] = low;
    this.#numbers[at] = number;
  }

  #grow(): void {
    const [highs, lows, numbers] = [this.#highs, this.#lows, this.#numbers];
    this.#highs = new Float64Array(highs.length * 2);
    this.#lows = new Float64Array(highs.length * 2);
    this.#numbers = new Uint32Array(highs.length * 2);
    for (const [from, high] of highs.entries()) {
      if (high === 0) continue;
      const at = this.#find(high, lows[from] as number);
      this.#highs[at] = high;
      this.#lows[at] = lows[from] as number;
      this.#numbers[at] = numbers[from] as number;
    }
  }
}

/** The two numbers of a {@link fingerprint}; the first is never 0, which marks a free place. */
function halves(text: string): [number, number] {
  const [high = "", low = ""] = text.split(".");
  return [Number.parseInt(high, 36) + 1, Number.parseInt(low, 36)];
}
