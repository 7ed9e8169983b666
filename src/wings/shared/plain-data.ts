// Serialises plain data: objects, arrays, primitives, Date, Map, Set, BigInt, bytes, cycles. Uses JSON, which is many
// times as fast, if it is lossless, otherwise devalue.
import { parse, stringify } from "devalue";
import { SluiceError } from "sluice";
import { builtInOf, isObject, quote, show } from "sluice/internal";

/** The maximum depth; deeper nesting would overflow the stack. */
const DEEPEST = 1_000;

const BYTES = /^(?:Array|SharedArray)?Buffer$|^(?:Big)?(?:Int|Uint|Float)\d+(?:Clamped)?Array$|^DataView$/;

const isBuffer = (value: unknown): value is Uint8Array => globalThis.Buffer?.isBuffer(value) === true;

const reducers = {
  Buffer: (value: unknown) => isBuffer(value) && Buffer.from(value).toString("base64"),
};
const revivers = { Buffer: (text: string) => Buffer.from(text, "base64") };

/** The prefix of JSON. Texts of devalue begin with a bracket, a digit or a minus. */
const JSON_MARK = "=";

/** Serialises plain data. Call {@link problemOf} first, which has better messages for other values. */
export const encode = (value: unknown): string =>
  isJson(value, new Set()) ? JSON_MARK + JSON.stringify(value) : stringify(value, reducers);

export const decode = (text: string): unknown =>
  text.startsWith(JSON_MARK) ? JSON.parse(text.slice(1)) : parse(text, revivers);

/** Whether JSON is lossless for plain data: no `undefined`, no shared objects, no built-in classes. */
function isJson(value: unknown, seen: Set<object>): boolean {
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== "object") return typeof value === "string" || typeof value === "boolean";
  if (value === null) return true;
  if (seen.size === seen.add(value).size || "toJSON" in value) return false;
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) if (!isJson(value[at], seen)) return false; // a hole reads as undefined
    return true;
  }
  if (!isPlain(value) || Object.getPrototypeOf(value) === null) return false;
  for (const key of Object.keys(value)) if (!isJson(value[key], seen)) return false;
  return true;
}

/** Whether an object has no class, in any realm. */
export function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** A value that is not plain data. */
class NotPlain {
  readonly what: string;

  constructor(what: string) {
    this.what = what;
  }
}

/** The parts of an object, which must be plain data too. */
function partsOf(value: object): Iterable<unknown> {
  if (Array.isArray(value)) return value;
  if (isPlain(value)) return fieldsOf(value);
  const builtIn = builtInOf(value);
  if (builtIn === "Map") return [...(value as Map<unknown, unknown>)].flat(1);
  if (builtIn === "Set") return value as Set<unknown>;
  if (builtIn === "Date" || (builtIn !== undefined && BYTES.test(builtIn))) return [];
  throw new NotPlain(show(value));
}

function fieldsOf(value: Record<string, unknown>): unknown[] {
  if (Object.getOwnPropertySymbols(value).length > 0) throw new NotPlain("an object with a symbol as a key");
  const parts: unknown[] = [];
  for (const key of Object.keys(value)) {
    const { get, value: part } = Object.getOwnPropertyDescriptor(value, key) as PropertyDescriptor;
    if (get !== undefined) throw new NotPlain(`the getter ${quote(key)}`);
    if (key === "__proto__") throw new NotPlain("an object with the key `__proto__`");
    parts.push(part);
  }
  return parts;
}

/**
 * Visits every object in a value.
 *
 * @param seen - Called for each object; returns false if it was visited before.
 * @throws NotPlain
 */
function visit(value: unknown, seen: (object: object) => boolean, depth = 0): void {
  if (typeof value === "function" || typeof value === "symbol") throw new NotPlain(show(value));
  if (!isObject(value) || !seen(value)) return;
  if (depth > DEEPEST) throw new NotPlain(`nesting deeper than ${DEEPEST}`);
  for (const part of partsOf(value)) visit(part, seen, depth + 1);
}

/** Returns why a value is not plain data; `undefined` if it is. Never throws. */
export function problemOf(value: unknown): string | undefined {
  const objects = new Set<object>();
  try {
    visit(value, (object) => objects.size < objects.add(object).size);
    return undefined;
  } catch (error) {
    return error instanceof NotPlain ? error.what : String(error);
  }
}

/** Values by key that share an object, serialised together. */
export interface Group {
  readonly keys: readonly string[];
  readonly text: string;
}

/**
 * Serialises values by key. Keys that share an object form one group, so that aliases survive.
 *
 * @param where - Formats a key for a message.
 * @throws SluiceError `NOT_SERIALIZABLE`.
 */
export function encodeGroups(values: ReadonlyMap<string, unknown>, where: (key: string) => string): Group[] {
  const groupOf = new Map<string, Set<string>>();
  const owners = new Map<object, string>();
  for (const [key, value] of values) {
    let group = new Set([key]);
    groupOf.set(key, group);
    const seen = (object: object): boolean => {
      const owner = owners.get(object);
      if (owner === undefined) {
        owners.set(object, key);
        return true;
      }
      const other = groupOf.get(owner) as Set<string>;
      if (other !== group) group = merge(group, other, groupOf);
      return false;
    };
    try {
      visit(value, seen);
    } catch (error) {
      throw error instanceof NotPlain ? notSerializable(where(key), error.what) : error;
    }
  }
  return [...new Set(groupOf.values())].map((group) => {
    const keys = [...group].sort();
    return { keys, text: encodeGroup(keys.map((key) => [key, values.get(key)])) };
  });
}

function merge(a: Set<string>, b: Set<string>, groupOf: Map<string, Set<string>>): Set<string> {
  const [into, from] = a.size < b.size ? [b, a] : [a, b];
  for (const key of from) {
    into.add(key);
    groupOf.set(key, into);
  }
  return into;
}

/** Serialises one group. */
export const encodeGroup = (pairs: readonly (readonly [string, unknown])[]): string => encode(pairs.flat(1));

/** Parses a group. */
export function* decodeGroup(text: string): Generator<readonly [string, unknown]> {
  const pairs = decode(text) as unknown[];
  for (let at = 0; at < pairs.length; at += 2) yield [pairs[at] as string, pairs[at + 1]];
}

export const notSerializable = (where: string, what: string): SluiceError =>
  new SluiceError(
    "NOT_SERIALIZABLE",
    `${where}: expected plain data (objects, arrays, primitives, Date, Map, Set, BigInt, bytes), got ${what}; name the key in the flow's \`transient\`, or keep something plain in its place`,
  );
