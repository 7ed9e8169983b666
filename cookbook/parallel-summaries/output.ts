// The file that the user gets.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { InputError } from "./input-error.js";
import type { Answer } from "./nodes.js";

/** What came of one document. */
export type Outcome =
  | ({ readonly file: string } & Answer)
  | { readonly file: string; readonly error: string };

/**
 * Makes sure that what will be overwritten is an earlier output and nothing else.
 *
 * @throws InputError if it is something else.
 */
export function checkOutput(path: string): void {
  if (!existsSync(path) || isOutput(path)) return;
  throw new InputError(
    `Expected ${path} to be new or an earlier output of this program, got something else. Move it away, or choose another name with --out.`,
  );
}

function isOutput(path: string): boolean {
  try {
    const content: unknown = JSON.parse(readFileSync(path, "utf8"));
    return Array.isArray(content) && content.every((entry) => typeof entry?.file === "string");
  } catch {
    return false;
  }
}

/** Writes all or nothing: whoever reads the file never sees half of it. */
export function writeOutput(path: string, outcomes: readonly Outcome[]): void {
  const unfinished = `${path}.${process.pid}.tmp`;
  writeFileSync(unfinished, `${JSON.stringify(outcomes, null, 2)}\n`);
  renameSync(unfinished, path);
}
