// Reads a trace file: its valid lines, and reports the others by line number.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { TraceModel } from "../view/model/trace-model.js";
import { counted } from "../view/model/words.js";
import { Failure, type Io, quoted, shellWord, UsageError } from "./io.js";
import { linesOf, MOST_MB } from "./lines-of.js";
import { printable } from "./terminal-text.js";
import { isGone } from "./writer.js";

export interface ReadTrace {
  readonly model: TraceModel;
  /** The valid lines, with only the last progress of each batch; empty if they are not kept. */
  readonly lines: readonly string[];
  /** Whether the process that wrote it has died. */
  readonly interrupted: boolean;
}

/** The maximum of invalid lines that are reported individually. */
const MOST_REPORTED = 10;

/** What to keep of a trace: lines and spans, spans, or only totals, in bounded memory. */
export type Kept = "lines" | "spans" | "totals";

/**
 * The maximum size of a file of which more than totals are kept, in MB: a page or a conversion is one text in memory,
 * and a larger page would not open in a browser.
 */
const MOST_KEPT_MB = 250;

/** Checks the total size of files. @throws UsageError if it is too large. */
export async function checkSize(path: string, ...more: readonly string[]): Promise<void> {
  const sizes = await Promise.all(
    [path, ...more].map(async (each) => (await stat(each).catch(() => undefined))?.size ?? 0),
  );
  const size = sizes.reduce((sum, each) => sum + each, 0);
  if (size <= MOST_KEPT_MB * 1_000_000) return;
  throw new UsageError(
    `a trace of at most ${MOST_KEPT_MB} MB, since a page or a conversion keeps it in memory`,
    `${Math.round(size / 1_000_000)} MB`,
    `sluice trace ${shellWord(path)} summarises a file of any size; for a page, record runs in separate files or without values.`,
  );
}

/** Reads a file in pieces, and reports invalid lines. @throws UsageError, Failure */
export async function readTrace(path: string, io: Io, kept: Kept): Promise<ReadTrace> {
  if (kept !== "totals") await checkSize(path);
  const keep = kept === "lines";
  const model = new TraceModel({ forgets: kept === "totals" });
  const lines: string[] = [];
  /** The last progress line of each batch, which has a line per item. */
  const progress = new Map<string, string>();
  const warnings: string[] = [];
  let number = 0;
  let bad = 0;
  const refuse = (problem: string) => {
    if (++bad <= MOST_REPORTED) warnings.push(`${path}:${number}: ${printable(problem)}`);
  };
  const take = ({ text, isWhole, isLong }: { text: string; isWhole: boolean; isLong: boolean }) => {
    number++;
    if (text.trim() === "") return;
    if (isLong) return refuse(`expected a line of a trace, got one of more than ${MOST_MB} MB`);
    const problem = model.add(text);
    if (problem === undefined && keep) {
      const batch = /^\{"type":"progress",.*?"path"/.exec(text)?.[0];
      if (batch === undefined) lines.push(text);
      else progress.set(batch, text);
    }
    const hint = isWhole
      ? ""
      : "; the file ends within this line, so the run is still running or has crashed";
    if (problem !== undefined) refuse(problem + hint);
  };
  try {
    for await (const line of linesOf(createReadStream(path, { highWaterMark: 1 << 20 }))) take(line);
  } catch (error) {
    throw unreadable(path, error);
  }
  if (model.runs.length === 0) {
    const got = number === 0 ? "an empty file" : `${counted(number, "line")} without one`;
    throw new UsageError(`${path} to hold a run`, got, 'Record one with recordTrace of "sluice/trace".');
  }
  const interrupted = isGone(model.writer);
  if (interrupted) model.close("interrupted");
  for (const text of warnings) io.err(`warning: ${text}\n`);
  if (bad > MOST_REPORTED) io.err(`warning: ${path}: and ${bad - MOST_REPORTED} more such lines\n`);
  if (bad > 0) io.err(`warning: ${path}: ${bad} of ${number} lines were skipped\n`);
  for (const text of progress.values()) lines.push(text);
  return { model, lines, interrupted };
}

/** The error of a file that could not be opened or read. */
export function unreadable(path: string, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  const file = `a file that can be read`;
  if (code === "ENOENT") return new UsageError(file, quoted(path), "There is no such file; check its path.");
  if (code === "EISDIR") return new UsageError(file, `the folder ${quoted(path)}`, "Name a file in it.");
  return new Failure(`${path} could not be read (${message})`);
}
