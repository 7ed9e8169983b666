// The traces in a folder, with the runs of each and their states. Files are read incrementally.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { RunModel } from "../../view/model/run-model.js";
import { durationOf } from "../../view/model/span.js";
import type { TracedRun } from "../../view/model/studio-state.js";
import { TraceModel } from "../../view/model/trace-model.js";
import { MOST_AT_ONCE, Reader } from "../tail.js";

/** The maximum of files read: the newest. */
const MOST_FILES = 500;

class TraceFile {
  model = new TraceModel({ forgets: true });
  /** The modification time at the last reading. */
  changed = -1;
  readonly #reader: Reader;

  constructor(path: string) {
    this.#reader = new Reader(path);
  }

  async update(buffer: Buffer, signal: AbortSignal): Promise<void> {
    for await (const { lines, fresh, gone } of this.#reader.read(buffer, signal)) {
      if (fresh) this.model = new TraceModel({ forgets: true });
      for (const line of lines) this.model.add(line);
      if (gone) this.model.close("interrupted");
    }
  }
}

/** Reads the traces of a folder, keeping only totals. */
export class TraceFolder {
  readonly path: string;
  readonly #files = new Map<string, TraceFile>();
  readonly #buffer = Buffer.alloc(MOST_AT_ONCE);
  readonly #signal: AbortSignal;
  #reading: Promise<void> | undefined;

  constructor(path: string, signal: AbortSignal) {
    this.path = path;
    this.#signal = signal;
  }

  /** Whether there is a trace of this name; untrusted names are never used as paths. */
  has(file: string): boolean {
    return this.#files.has(file);
  }

  /** Returns the runs, the newest first; none if the folder does not exist. */
  async runs(): Promise<TracedRun[]> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
    const runs = [...this.#files].flatMap(([file, { model }]) => runsOf(file, model));
    return runs.sort((a, b) => (b.startedAt ?? "").localeCompare(a.startedAt ?? ""));
  }

  async #read(): Promise<void> {
    const names = await readdir(this.path).catch(() => []);
    const traces = names.filter((name) => name.endsWith(".jsonl"));
    const found = await Promise.all(
      traces.map(async (name) => {
        const stats = await stat(join(this.path, name)).catch(() => undefined);
        return { name, changed: stats?.isFile() ? stats.mtimeMs + stats.size : 0 };
      }),
    );
    const newest = found.sort((a, b) => b.changed - a.changed).slice(0, MOST_FILES);
    for (const name of this.#files.keys()) if (!traces.includes(name)) this.#files.delete(name);
    for (const { name, changed } of newest) {
      if (changed === 0) continue;
      let file = this.#files.get(name);
      if (file === undefined) this.#files.set(name, (file = new TraceFile(join(this.path, name))));
      const runs = file.model.runs.some(({ root }) => root.outcome === "running");
      if (file.changed === changed && !runs) continue;
      // An unreadable file is shown with its earlier data.
      await file.update(this.#buffer, this.#signal).catch(() => {});
      file.changed = changed;
    }
  }
}

function runsOf(file: string, model: TraceModel): TracedRun[] {
  const counts = new Map<string, number>();
  const nthOf = ({ id }: RunModel): number => {
    const nth = (counts.get(id) ?? 0) + 1;
    counts.set(id, nth);
    return nth;
  };
  return model.runs.map((run) => ({
    file,
    id: run.id,
    nth: nthOf(run),
    flow: run.graph.root.name,
    state: run.root.outcome,
    startedAt: dateOf(run.time),
    took: durationOf(run.root, run.end),
    steps: run.steps,
    items: run.items,
    failures: run.failed,
    tokens: run.tokens,
    error: run.root.error && `${run.root.error.name}: ${run.root.error.message}`,
  }));
}

/** The maximum time of a Date. */
const LATEST = 8.64e15;

const dateOf = (time: number | undefined): string | undefined =>
  time === undefined || Math.abs(time) > LATEST ? undefined : new Date(time).toISOString();
