// Serialises plain data: objects, arrays, primitives, Date, Map, Set, BigInt, bytes, cycles. Uses JSON, which is many
// times as fast, if it is lossless, otherwise devalue.
import { parse, stringify } from "devalue";
import { SluiceError } from "sluice";
import { builtInOf, quote, show } from "sluice/internal";

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
export const encode = (value: unknown): string => write(value, visit(value, unlessSeen()));

export const decode = (text: string): unknown =>
  text.startsWith(JSON_MARK) ? JSON.parse(text.slice(1)) : parse(text, revivers);

const write = (value: unknown, isJson: boolean): string =>
  isJson ? JSON_MARK + JSON.stringify(value) : stringify(value, reducers);

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

/** The parts of a built-in class, which must be plain data too. */
function partsOf(value: object): Iterable<unknown> {
  const builtIn = builtInOf(value);
  if (builtIn === "Map") return [...(value as Map<unknown, unknown>)].flat(1);
  if (builtIn === "Set") return value as Set<unknown>;
  if (builtIn === "Date" || (builtIn !== undefined && BYTES.test(builtIn))) return [];
  throw new NotPlain(show(value));
}

/**
 * Visits every object in a value. Returns whether JSON is lossless for it: no `undefined`, no shared objects, no built-in
 * classes. It is one pass, since a store may have a million objects.
 *
 * @param isNew - Called for each object; returns false if it was visited before.
 * @throws NotPlain
 */
function visit(value: unknown, isNew: (object: object) => boolean, depth = 0): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0);
    case "function":
    case "symbol":
      throw new NotPlain(show(value));
    case "object":
      return value === null || (isNew(value) && visitParts(value, isNew, depth + 1));
    default:
      return false;
  }
}

function visitParts(value: object, isNew: (object: object) => boolean, depth: number): boolean {
  if (depth > DEEPEST) throw new NotPlain(`nesting deeper than ${DEEPEST}`);
  if (isPlain(value)) return visitFields(value, isNew, depth);
  let isJson = Array.isArray(value) && !("toJSON" in value);
  // A hole reads as undefined.
  if (Array.isArray(value)) for (const part of value) isJson = visit(part, isNew, depth) && isJson;
  else for (const part of partsOf(value)) visit(part, isNew, depth);
  return isJson;
}

function visitFields(
  value: Record<string, unknown>,
  isNew: (object: object) => boolean,
  depth: number,
): boolean {
  if (Object.getOwnPropertySymbols(value).length > 0) throw new NotPlain("an object with a symbol as a key");
  let isJson = !("toJSON" in value) && Object.getPrototypeOf(value) !== null;
  for (const key of Object.keys(value)) {
    const { get, value: part } = Object.getOwnPropertyDescriptor(value, key) as PropertyDescriptor;
    if (get !== undefined) throw new NotPlain(`the getter ${quote(key)}`);
    if (key === "__proto__") throw new NotPlain("an object with the key `__proto__`");
    isJson = visit(part, isNew, depth) && isJson;
  }
  return isJson;
}

/** Whether an object was not visited yet. */
function unlessSeen(): (object: object) => boolean {
  const seen = new Set<object>();
  return (object) => seen.size < seen.add(object).size;
}

/** Returns why a value is not plain data; `undefined` if it is. Never throws. */
export function problemOf(value: unknown): string | undefined {
  try {
    visit(value, unlessSeen());
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
  const inJson = new Set<string>();
  for (const [key, value] of values) {
    let group = new Set([key]);
    groupOf.set(key, group);
    const isNew = (object: object): boolean => {
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
      if (visit(value, isNew)) inJson.add(key);
    } catch (error) {
      throw error instanceof NotPlain ? notSerializable(where(key), error.what) : error;
    }
  }
  return [...new Set(groupOf.values())].map((group) => {
    const keys = [...group].sort();
    const pairs = keys.flatMap((key) => [key, values.get(key)]);
    return { keys, text: write(pairs, keys.length === 1 && inJson.has(keys[0] as string)) };
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
