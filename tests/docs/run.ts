// Runs an example as a module of its own, and listens to what it prints, throws and claims.
import { Console } from "node:console";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { Writable } from "node:stream";
import { inspect } from "node:util";
import { expect } from "vitest";
import { watch } from "./claims.js";
import { type Example, holds } from "./examples.js";
import type { Problem } from "./info-string.js";

const witnesses = new Map<string, Witness>();
Object.assign(globalThis, { [Symbol.for("sluice.docs")]: witnesses });

/** A folder for the modules, one for each process. In `node_modules`, so that git and watchers pass it by. */
export function makeScratch(root: string): { folder: string; remove(): void } {
  const parent = join(root, "node_modules/.cache/sluice-docs");
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "run-"));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Runs an example and returns what is wrong with it. `limit` is in ms, from its first line on. */
export async function run(
  example: Example,
  root: string,
  scratch: string,
  limit = 10_000,
): Promise<Problem[]> {
  const page = join(root, dirname(example.file));
  const watched = watch(
    example.code,
    (specifier) => `./${relative(scratch, join(page, specifier)).replaceAll("\\", "/")}`,
  );
  if (watched.problems.length > 0) return [...watched.problems];

  const file = join(scratch, `${example.name.replaceAll(/[/.:]/g, "-")}.ts`);
  const witness = new Witness(example.parts[0]!.block.line);
  witnesses.set(file, witness);
  const given = `globalThis[Symbol.for("sluice.docs")].get(${JSON.stringify(file)})`;
  writeFileSync(file, `const __docs = ${given}, console = __docs.start();${watched.code}`);

  const { problems } = witness;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((_, reject) => {
    witness.onStart = () => {
      timer = setTimeout(reject, limit, new Error(`still waiting here after ${limit} ms`));
    };
  });
  try {
    await Promise.race([import(/* @vite-ignore */ file), late]);
  } catch (cause) {
    return [...problems, { line: witness.line, message: String(cause), cause }];
  } finally {
    clearTimeout(timer);
  }
  for (const line of watched.claims.filter((line) => !witness.reached.has(line))) {
    problems.push({ line, message: "this `// =>` was never reached (is an `await` missing?)" });
  }
  for (const part of example.parts) {
    if (!part.output) continue;
    const printed = witness.printed.filter(({ line }) => holds(part, line)).map(({ text }) => text);
    const [got, wanted] = [tidy(printed.join("")), tidy(part.output.code)];
    if (matches(got, wanted)) continue;
    problems.push({
      line: part.output.line,
      message: `the block prints\n${got}\nbut the page says\n${wanted}`,
    });
  }
  return problems;
}

/** What the rewritten example calls. It notes problems and goes on, so that no retry can hide one. */
class Witness {
  readonly problems: Problem[] = [];
  readonly printed: { line: number; text: string }[] = [];
  readonly reached = new Set<number>();
  /** The line of the statement that runs. */
  line: number;
  onStart: (() => void) | undefined;

  constructor(line: number) {
    this.line = line;
  }

  start(): Console {
    this.onStart?.();
    return consoleTo((text) => this.printed.push({ line: this.line, text }));
  }

  at(line: number): void {
    this.line = line;
  }

  equals<T>(line: number, claim: string, wanted: () => unknown, actual: T): T {
    this.reached.add(line);
    try {
      expect(actual).toEqual(wanted());
    } catch (cause) {
      const got = inspect(actual, { depth: 8, breakLength: 100 });
      this.problems.push({ line, message: `got ${got}, but the page says ${claim}`, cause });
    }
    return actual;
  }

  /** `__docs.printing(4, "hello").console.log(…)` takes the place of `console.log(…)`. */
  printing(line: number, wanted: string): { console: Console } {
    this.reached.add(line);
    const console = consoleTo((text) => {
      this.printed.push({ line: this.line, text });
      if (matches(tidy(text), wanted)) return;
      this.problems.push({ line, message: `prints ${tidy(text)}, but the page says ${wanted}` });
    });
    return { console };
  }

  /** Compares the first line of the error. */
  async throws(line: number, wanted: string, act: () => Promise<unknown>): Promise<void> {
    this.reached.add(line);
    const end = await act().then(
      () => "throws nothing",
      (error) => `throws ${String(error).split("\n", 1)}`,
    );
    if (end !== "throws nothing" && matches(end, wanted === "throws" ? "throws …" : wanted)) return;
    this.problems.push({ line, message: `${end}, but the page says ${wanted}` });
  }
}

function consoleTo(print: (text: string) => void): Console {
  const write = (take: (text: string) => void) => (chunk: unknown, _encoding: string, done: () => void) => {
    take(String(chunk));
    done();
  };
  const [stdout, stderr] = [new Writable({ write: write(print) }), new Writable({ write: write(() => {}) })];
  return new Console({ stdout, stderr, colorMode: false });
}

/** Takes off what nobody sees: space at the end of lines, and empty lines at the end. */
const tidy = (text: string): string => text.replaceAll(/[ \t]+$/gm, "").trimEnd();

/** `…` stands for anything in a line, and alone on a line for any number of lines. */
function matches(got: string, wanted: string): boolean {
  const exactly = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  const pattern = wanted.split("\n").map((line) => {
    return line.trim() === "…" ? "(.*\n)*" : `${line.split("…").map(exactly).join(".*")}\n`;
  });
  return new RegExp(`^${pattern.join("")}$`).test(`${got}\n`);
}
