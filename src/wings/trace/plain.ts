// Converts any value to plain JSON: short, without cycles. Never throws.
import { builtInOf, isError } from "sluice/internal";

/** The limits of one value. */
const DEEPEST = 8;
const LONGEST_TEXT = 20_000;
const MOST_ENTRIES = 1_000;
/** The limit of the whole value, in characters and entries. */
const MOST_IN_ALL = 200_000;

/** Returns the replacement of a value; `path` begins with its kind, such as `"store"`. */
export type Redact = (path: readonly (string | number)[], value: unknown) => unknown;

/** The options of a copy. */
export interface Copying {
  /** The maximum of characters and entries of the whole value. @default 200_000 */
  readonly limit?: number | undefined;
  readonly redact?: Redact | undefined;
  /** The path of the value, for `redact`. */
  readonly path?: readonly (string | number)[];
}

interface Room {
  left: number;
  readonly around: Set<object>;
  readonly redact: Redact | undefined;
  /** The path of the current value; changed during the walk. */
  readonly path: (string | number)[];
}

/** Copies a value to plain JSON data. Values that cannot be shown are replaced by a text in brackets. */
export function plain(value: unknown, { limit = MOST_IN_ALL, redact, path = [] }: Copying = {}): unknown {
  return copy(value, { left: limit, around: new Set(), redact, path: [...path] });
}

/** Applies a redaction to a value; if the redaction throws, the value is removed. */
export function redacted(redact: Redact, path: readonly (string | number)[], value: unknown): unknown {
  try {
    return redact([...path], value);
  } catch {
    return "[redact failed]";
  }
}

function copyAt(key: string | number, value: unknown, room: Room): unknown {
  if (room.redact === undefined) return copy(value, room);
  room.path.push(key);
  const copied = copy(value, room);
  room.path.pop();
  return copied;
}

function copy(given: unknown, room: Room): unknown {
  room.left--;
  const value = room.redact === undefined ? given : redacted(room.redact, room.path, given);
  switch (typeof value) {
    case "string":
      return cut(value, room);
    case "number":
      return Number.isFinite(value) ? value : `[${value}]`;
    case "boolean":
    case "undefined":
      return value;
    case "object":
      return value === null ? null : copyObject(value, room);
    case "bigint":
      return cut(`${value}n`, room);
    default:
      return `[${typeof value}]`;
  }
}

function cut(text: string, room: Room): string {
  const most = Math.max(0, Math.min(LONGEST_TEXT, room.left));
  room.left -= Math.min(text.length, most);
  return text.length > most ? `${text.slice(0, most)}… [${text.length - most} more letters]` : text;
}

function copyObject(value: object, room: Room): unknown {
  if (room.around.has(value)) return "[circular]";
  if (room.around.size >= DEEPEST || room.left <= 0) return "[…]";
  room.around.add(value);
  try {
    return entriesOf(value, room);
  } catch {
    return "[unreadable]"; // a getter that throws, or a proxy
  } finally {
    room.around.delete(value);
  }
}

function entriesOf(value: object, room: Room): unknown {
  if (Array.isArray(value)) return listOf(value, value.length, room);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (isError(value)) return cut(`[${String(value.name)}: ${String(value.message)}]`, room);
  const name = builtInOf(value);
  if (name === "Date") return dateText(value as Date);
  if (name === "Map" || name === "Set") {
    const entries = value as ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>;
    return listOf(entries, entries.size, room);
  }
  const record: Record<string, unknown> = Object.create(null); // so that `__proto__` is an ordinary key
  const keys = Object.keys(value);
  for (const key of keys.slice(0, MOST_ENTRIES)) {
    if (room.left <= 0) break;
    room.left -= key.length;
    record[key.length > 200 ? `${key.slice(0, 200)}…` : key] = read(value, key, room);
  }
  if (keys.length > MOST_ENTRIES) record["…"] = `[${keys.length - MOST_ENTRIES} more]`;
  return record;
}

const dateText = (date: Date): string =>
  Number.isFinite(date.getTime()) ? date.toISOString() : "[invalid date]";

function read(value: object, key: string, room: Room): unknown {
  try {
    return copyAt(key, (value as Record<string, unknown>)[key], room);
  } catch {
    return "[unreadable]";
  }
}

function listOf(values: Iterable<unknown>, length: number, room: Room): unknown[] {
  const list: unknown[] = [];
  for (const value of values) {
    if (list.length === MOST_ENTRIES || room.left <= 0) {
      list.push(`[${length - list.length} more]`);
      break;
    }
    list.push(copyAt(list.length, value, room) ?? null);
  }
  return list;
}
