// Where a command prints, and the ways in which it ends badly. Imports nothing.

/** Where a command prints. */
export interface Io {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** The width of the terminal that `out` is; `undefined` where it is a file or a pipe. */
  readonly columns?: number | undefined;
  /** Asks a question that yes or no answers; missing where there is no terminal. */
  readonly ask?: ((question: string) => Promise<boolean>) | undefined;
}

/** Wrong usage: exit code 2. Its message says what was expected, what came and what to do. */
export class UsageError extends Error {
  constructor(expected: string, got: string, advice: string) {
    super(`Expected ${expected}, got ${got}. ${advice}`);
  }
}

/** A failure that a message explains in full: exit code 1. */
export class Failure extends Error {}

/** An end with an exit code of its own. Its command has printed all there is to print. */
export class Exit extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit code ${code}`);
    this.code = code;
  }
}

/** Quotes what a user gave, short and on one line, so that it cannot colour a terminal. */
export const quoted = (text: string): string =>
  JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text).replace(
    /[\u007f-\u009f]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  );

/** A folder that a user names. @throws UsageError for one that a terminal or a shell would trip over. */
export function folderName(given: string): string {
  if (given !== "" && !/[\p{Cc}\u2028\u2029]/u.test(given)) return given;
  throw new UsageError("the name of a folder", quoted(given), "Choose one without control characters.");
}

/** A word for a line that is to be pasted into a shell. */
export function shellWord(text: string): string {
  if (/^[\w./@:+-]+$/.test(text)) return text;
  return /^[\p{L}\p{N}\w ./@:+-]+$/u.test(text) ? `"${text}"` : `'${text.replaceAll("'", "'\\''")}'`;
}
