// Every error that sluice makes itself, its code and its words; and where a user's error happened.
// Imports only what imports nothing itself, so that every other file may throw from here.
import { ERROR, LOCATIONS } from "./keys.js";
import { nearest } from "./nearest.js";
import { isObject } from "./realms.js";

/** The codes of the errors that the core throws; `docs/reference/errors.md` explains each, and those of the wings. */
export const errorCodes = [
  "INVALID_OPTION",
  "UNKNOWN_OPTION",
  "UNKNOWN_HOOK",
  "INVALID_NODE",
  "INVALID_ACTION",
  "UNKNOWN_ACTION",
  "MISSING_KEYS",
  "NOT_ITERABLE",
  "INVALID_ITEM",
  "INVALID_PARAMS",
  "INVALID_COST",
  "COST_TOO_HIGH",
  "GATE_NOT_SHARED",
  "INVALID_EXECUTION",
  "LIMIT_DIFFERS",
  "LIMIT_CLOSED",
  "MAX_STEPS",
  "BUDGET_SPENT",
  "NOBODY_TO_ASK",
  "INVALID_ANSWER",
  "TOO_MANY_FAILURES",
  "TIMEOUT",
  "SIBLING_FAILED",
  "BRANCH_LOST",
  "STREAM_LEFT",
  "STREAM_OVERFLOW",
  "NEXT_CALLED_TWICE",
] as const;

/**
 * The codes that a {@link SluiceError} can carry, as keys. A wing that is imported adds its own:
 * `declare module "sluice" { interface ErrorCodes { THREAD_DIED: true } }`.
 */
export interface ErrorCodes extends Record<(typeof errorCodes)[number], true> {}

/** The code of a {@link SluiceError}: those of the core, and of each wing that the program imports. */
export type ErrorCode = keyof ErrorCodes;

/**
 * The one class of sluice's own errors. A user's error is never wrapped in it: it is rethrown as it is.
 *
 * `instanceof` also holds for an error of another copy of sluice in the same process.
 */
export class SluiceError extends Error {
  /** The kind of the error; `docs/reference/errors.md` explains each. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    Object.defineProperty(this, ERROR, { value: true });
  }

  /** Accepts the errors of any build of sluice. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: a subclass inherits this method, and is a kind of its own
    if (!isSluiceError(this)) return Function.prototype[Symbol.hasInstance].call(this, value);
    return isObject(value) && ERROR in value;
  }
}
/** Outside the class, as in Parallel: bundlers rename a class that refers to itself. */
const isSluiceError = (value: unknown): boolean => value === SluiceError;
Object.defineProperty(SluiceError.prototype, "name", { value: "SluiceError", configurable: true });

/** Where in a run an error happened. */
export interface Location {
  /** Names from the outermost flow to the node; a number is the iteration of the batch flow before it. */
  readonly path: readonly (string | number)[];
  /** The flow whose walk the node was a step of; `undefined` for a node that ran alone. */
  readonly flow: string | undefined;
  /** The node whose hook failed. */
  readonly node: string;
  /** The index of the batch item, or of the nearest iteration around the node. */
  readonly item: number | undefined;
  /** The attempt that failed, counted from 0. */
  readonly attempt: number;
  /** The machine that an executor sent the call to; `undefined` where it failed in this process. */
  readonly machine?: string | undefined;
}

/** Two builds of sluice may meet in one process, so the map belongs to the process. */
function locations(): WeakMap<object, Location> {
  const home = globalThis as { [LOCATIONS]?: WeakMap<object, Location> };
  return (home[LOCATIONS] ??= new WeakMap());
}

/** Writes down where an error happened; a thrown primitive has no identity to hang it on. */
export function setLocation(error: unknown, location: Location): void {
  if (isObject(error)) locations().set(error, location);
}

/**
 * Says where in a run an error was thrown, without having touched the error.
 *
 * @returns `undefined` for an abort, for a thrown primitive, and for an error that no run threw. When one
 * error object was thrown several times, the last time counts.
 * @example
 * ```ts
 * import { Flow, locate, node } from "sluice";
 *
 * const parse = node({ name: "Parse", exec: () => JSON.parse("{") });
 * await new Flow(parse, { name: "Main" }).run({}).catch((error) => {
 *   locate(error)?.path; // => ["Main", "Parse"]
 * });
 * ```
 */
export function locate(error: unknown): Location | undefined {
  return isObject(error) ? locations().get(error) : undefined;
}

/** Cuts a text short and escapes what would break a line or colour a terminal. In plain JavaScript it may be anything. */
function cut(value: unknown): string {
  const text = typeof value === "string" ? value : show(value);
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text).slice(1, -1);
}

/** Shows a value in a message: short, on one line, with its type. */
export function show(value: unknown): string {
  try {
    if (typeof value === "string") return `${quote(value)} (string)`;
    if (Array.isArray(value)) return `an array of ${value.length}`;
    if (typeof value === "function") return `a function${value.name ? ` (${cut(value.name)})` : ""}`;
    if (isObject(value)) return `an object (${cut(String(Object.getPrototypeOf(value)?.constructor?.name))})`;
    return value === null || value === undefined ? String(value) : `${cut(String(value))} (${typeof value})`;
  } catch {
    return `a value that cannot be shown (${typeof value})`;
  }
}

/** Puts into words what was thrown; not everything can be. */
export function describe(error: unknown): string {
  try {
    return String(error);
  } catch {
    return show(error);
  }
}

/** Shows a name in a message, quoted, and short however long it is. */
export const quote = (name: string): string => `"${cut(name)}"`;

/** Shows a path as one string for messages. */
export const showPath = (path: readonly (string | number)[]): string =>
  path.map((part) => (typeof part === "number" ? `[${part}]` : quote(part))).join(" > ");

/** An option that has a wrong value. */
export const invalidOption = (where: string, name: string, expected: string, value: unknown): SluiceError =>
  new SluiceError(
    "INVALID_OPTION",
    `${where.slice(0, 100)}: expected \`${name}\` to be ${expected}, got ${show(value)}`,
  );

/** What to write in the place of a name; the name may be a slip of one that another library uses. */
function hintFor(name: string, known: readonly string[], instead: Readonly<Record<string, string>>): string {
  if (Object.hasOwn(instead, name)) return instead[name] as string;
  const close = nearest(name, [...known, ...Object.keys(instead)]);
  if (close === undefined) return "";
  const words = known.includes(close) ? "" : ` ${instead[close]}`;
  return `did you mean \`${close}\`?${words}`;
}

/** An option that does not exist, with what was probably meant. */
export function unknownOption(
  where: string,
  name: string,
  known: readonly string[],
  instead: Readonly<Record<string, string>> = {},
): SluiceError {
  const hint = hintFor(name, known, instead);
  const list = known.map((option) => `\`${option}\``).join(", ");
  return new SluiceError(
    "UNKNOWN_OPTION",
    `${where.slice(0, 100)}: unknown option \`${cut(name)}\`${hint && `; ${hint}`} (known options: ${list})`,
  );
}
