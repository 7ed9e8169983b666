// The errors of sluice with their codes and messages, and the locations of users' errors. Imports only modules without
// imports, so that every other module can import it.
import { ERROR, LOCATIONS } from "./keys.js";
import { nearest } from "./nearest.js";
import { isObject } from "./realms.js";

/** The error codes of the core; `docs/reference/errors.md` explains these and those of the wings. */
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
 * The codes of a {@link SluiceError}, as keys. Each imported wing adds its own:
 * `declare module "sluice" { interface ErrorCodes { THREAD_DIED: true } }`.
 */
export interface ErrorCodes extends Record<(typeof errorCodes)[number], true> {}

/** The code of a {@link SluiceError}: one of the core, or of a wing that the program imports. */
export type ErrorCode = keyof ErrorCodes;

/**
 * The class of all errors of sluice. Users' errors are never wrapped in it, but rethrown unchanged.
 *
 * `instanceof` also works for errors of another copy of sluice in the same process.
 */
export class SluiceError extends Error {
  /** The code of the error; `docs/reference/errors.md` explains each. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    Object.defineProperty(this, ERROR, { value: true });
  }

  /** Recognises the errors of any build of sluice. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: a subclass inherits this method, and is a kind of its own
    if (!isSluiceError(this)) return Function.prototype[Symbol.hasInstance].call(this, value);
    return isObject(value) && ERROR in value;
  }
}
/** Outside the class, as in Parallel: bundlers rename a class that refers to itself. */
const isSluiceError = (value: unknown): boolean => value === SluiceError;
Object.defineProperty(SluiceError.prototype, "name", { value: "SluiceError", configurable: true });

/** The place in a run where an error was thrown. */
export interface Location {
  /** Names from the outermost flow to the node; a number is the iteration of the batch flow before it. */
  readonly path: readonly (string | number)[];
  /** The innermost flow of the node; `undefined` for a node that ran alone. */
  readonly flow: string | undefined;
  /** The node whose hook failed. */
  readonly node: string;
  /** The index of the batch item, or of the nearest outer iteration. */
  readonly item: number | undefined;
  /** The attempt that failed, counted from 0. */
  readonly attempt: number;
  /** The machine that an executor sent the call to; `undefined` if it failed in this process. */
  readonly machine?: string | undefined;
}

/** The map belongs to the process, because several builds of sluice may share one. */
function locations(): WeakMap<object, Location> {
  const home = globalThis as { [LOCATIONS]?: WeakMap<object, Location> };
  return (home[LOCATIONS] ??= new WeakMap());
}

/** Records the place of an error; a thrown primitive has no identity for that. */
export function setLocation(error: unknown, location: Location): void {
  if (isObject(error)) locations().set(error, location);
}

/**
 * Returns the place in a run where an error was thrown. The error itself is never changed.
 *
 * @returns The place; `undefined` for an abort, a thrown primitive, and an error that no run threw. If one error object
 * was thrown several times, the last time counts.
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

/** Shortens a text and escapes line breaks and control characters. Untyped callers may pass any value. */
function cut(value: unknown): string {
  const text = typeof value === "string" ? value : show(value);
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text).slice(1, -1);
}

/** Formats a value for a message: short, on one line, with its type. */
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

/** Formats a thrown value; never throws. */
export function describe(error: unknown): string {
  try {
    return String(error);
  } catch {
    return show(error);
  }
}

/** Formats a name for a message: quoted and shortened. */
export const quote = (name: string): string => `"${cut(name)}"`;

/** Formats a path for a message. */
export const showPath = (path: readonly (string | number)[]): string =>
  path.map((part) => (typeof part === "number" ? `[${part}]` : quote(part))).join(" > ");

/** The error of an invalid option. */
export const invalidOption = (where: string, name: string, expected: string, value: unknown): SluiceError =>
  new SluiceError(
    "INVALID_OPTION",
    `${where.slice(0, 100)}: expected \`${name}\` to be ${expected}, got ${show(value)}`,
  );

/** The error of a missing option. */
export const missingOption = (where: string, name: string, what: string): SluiceError =>
  new SluiceError("INVALID_OPTION", `${where.slice(0, 100)}: \`${name}\` is required: ${what}`);

/** The hint for an unknown name, which may be a misspelt option of another library. */
function hintFor(name: string, known: readonly string[], instead: Readonly<Record<string, string>>): string {
  if (Object.hasOwn(instead, name)) return instead[name] as string;
  const close = nearest(name, [...known, ...Object.keys(instead)]);
  if (close === undefined) return "";
  const words = known.includes(close) ? "" : ` ${instead[close]}`;
  return `did you mean \`${close}\`?${words}`;
}

/** The error of an unknown option, with a suggestion. */
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
