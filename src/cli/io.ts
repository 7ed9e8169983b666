// The output of commands, and their failures. Imports nothing of sluice.
import { relative, sep } from "node:path";

/** The input and output of a command. */
export interface Io {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** The width of the terminal of `out`; `undefined` for a file or a pipe. */
  readonly columns?: number | undefined;
  /** Asks a yes-or-no question; absent without a terminal. */
  readonly ask?: ((question: string) => Promise<boolean>) | undefined;
}

/** Wrong usage: exit code 2. Its message says what was expected, what it got and what to do. */
export class UsageError extends Error {
  constructor(expected: string, got: string, advice: string) {
    super(`Expected ${expected}, got ${got}. ${advice}`);
  }
}

/** A failure that a message explains in full: exit code 1. */
export class Failure extends Error {}

/** An end with another exit code, after the command has printed everything. */
export class Exit extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit code ${code}`);
    this.code = code;
  }
}

/** Quotes user input: short, on one line and without control characters. */
export const quoted = (text: string): string =>
  JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text).replace(
    /[\u007f-\u009f]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  );

/** Checks the name of a folder. @throws UsageError for a name that is unsafe in a terminal or a shell. */
export function folderName(given: string): string {
  if (given !== "" && !/[\p{Cc}\u2028\u2029]/u.test(given)) return given;
  throw new UsageError("the name of a folder", quoted(given), "Choose one without control characters.");
}

/** The path of a file from the current folder, with the same separators on every system. */
export const pathFromHere = (path: string): string => relative("", path).replaceAll(sep, "/");

/** Quotes a word for a shell. */
export function shellWord(text: string): string {
  // The shells of Windows share only double quotes, which no name of a file there has.
  if (sep === "\\") return /^[\w./\\@:+-]+$/.test(text) ? text : `"${text}"`;
  if (/^[\w./@:+-]+$/.test(text)) return text;
  return /^[\p{L}\p{N}\w ./@:+-]+$/u.test(text) ? `"${text}"` : `'${text.replaceAll("'", "'\\''")}'`;
}
