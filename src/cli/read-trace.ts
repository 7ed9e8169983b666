// Reads a trace from its file: what can be used of it, and what is wrong with the rest, by line number.
import { createReadStream } from "node:fs";
import { TraceModel } from "../view/model/trace-model.js";
import { Failure, type Io, quoted, UsageError } from "./io.js";
import { printable } from "./terminal-text.js";

export interface ReadTrace {
  readonly model: TraceModel;
  /** The good lines, without those that a page has no use for. */
  readonly lines: readonly string[];
}

/** How many bad lines are told one by one. */
const MOST_TOLD = 10;

/** Reads a file and tells what is wrong in it. @throws UsageError, Failure */
export async function readTrace(path: string, io: Io): Promise<ReadTrace> {
  const model = new TraceModel();
  const lines: string[] = [];
  let number = 0;
  let bad = 0;
  const take = (line: string, isCut: boolean) => {
    number++;
    if (line.trim() === "") return;
    const problem = model.add(line);
    if (problem === undefined) {
      // How far a batch is can be seen by its items, and there is one such line for each of them.
      if (!line.startsWith('{"type":"progress"')) lines.push(line);
      return;
    }
    if (++bad > MOST_TOLD) return;
    const hint = isCut ? "; the file ends within this line, so the run still goes on or has crashed" : "";
    io.err(`warning: ${path}:${number}: ${printable(problem)}${hint}\n`);
  };
  let rest = "";
  try {
    for await (const chunk of createReadStream(path, { encoding: "utf8", highWaterMark: 1 << 20 })) {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop() as string;
      for (const part of parts) take(part, false);
    }
  } catch (error) {
    throw unreadable(path, error);
  }
  if (rest !== "") take(rest, true);
  if (bad > MOST_TOLD) io.err(`warning: ${path}: and ${bad - MOST_TOLD} more such lines\n`);
  if (bad > 0) io.err(`warning: ${path}: ${bad} of ${number} lines were left out\n`);
  if (model.runs.length === 0) {
    const got = number === 0 ? "an empty file" : `${number} lines without one`;
    throw new UsageError(`${path} to hold a run`, got, 'Record one with recordTrace of "sluice/trace".');
  }
  return { model, lines };
}

/** What went wrong when a file was opened or read. */
export function unreadable(path: string, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  const file = `a file that can be read`;
  if (code === "ENOENT") return new UsageError(file, quoted(path), "There is no such file; check its path.");
  if (code === "EISDIR") return new UsageError(file, `the folder ${quoted(path)}`, "Name a file in it.");
  return new Failure(`${path} could not be read (${message})`);
}
