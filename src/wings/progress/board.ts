// The state of the displayed runs, from their events. Independent of the terminal.

import type { GateEvent, ItemEvent, ProgressEvent, RunEvent, StepEvent } from "sluice";
import { isError } from "sluice/internal";

type Path = readonly (string | number)[];

/** One execution of a batch, or one slow step. */
export interface Row {
  readonly runId: string;
  readonly path: Path;
  readonly began: number;
  /** The last report; `undefined` for a step that is not a batch, or has not reported yet. */
  progress: ProgressEvent | undefined;
  /** Whether items have begun. */
  batch: boolean;
  /** Calls that wait at a gate. */
  waiting: number;
  /** The errors of items, by their messages without numbers. */
  readonly errors: Map<string, { readonly text: string; times: number }>;
  ended: { readonly at: number; readonly outcome: string; readonly reason?: string } | undefined;
  /** Distinguishes its run from concurrent runs; `undefined` if there is only one. */
  readonly run?: string | undefined;
}

/** A paused gate. */
export interface Pause {
  readonly gate: string | undefined;
  readonly until: number;
}

/** All rows, in the order in which they began. */
export class Board {
  readonly rows = new Map<string, Row>();
  readonly #pauses = new Map<string, Pause>();
  /** Runs that have not ended. */
  running = 0;
  /** Since the last time without a run: whether several ran at once. */
  #several = false;
  readonly #names = new Map<string, number>();

  run({ phase, path }: RunEvent): void {
    if (phase === "end") {
      this.running--;
      return;
    }
    if (this.running === 0) {
      this.#several = false;
      this.#names.clear();
    }
    if (++this.running > 1) this.#several = true;
    const name = String(path[0]);
    this.#names.set(name, (this.#names.get(name) ?? 0) + 1);
  }

  /** The name of the flow if several runs are concurrent, with the run's id if another run has that name. */
  #runOf(runId: string, path: Path): string | undefined {
    if (!this.#several || path.length < 2) return undefined;
    const name = String(path[0]);
    return (this.#names.get(name) ?? 0) > 1 ? `${name} (${shortId(runId)})` : name;
  }

  step(event: StepEvent): void {
    const key = keyOf(event);
    if (event.phase === "start") {
      const { runId, path, at } = event;
      const runOf = () => this.#runOf(runId, path);
      const row: Row = {
        runId,
        path,
        began: at,
        progress: undefined,
        batch: false,
        waiting: 0,
        errors: new Map(),
        ended: undefined,
        // A second run may begin after this row.
        get run() {
          return runOf();
        },
      };
      this.rows.set(key, row);
      return;
    }
    const row = this.rows.get(key);
    if (row === undefined) return;
    const { at, outcome, error } = event;
    row.ended = { at, outcome, ...(outcome === "failed" && { reason: textOf(error) }) };
  }

  item(event: ItemEvent): void {
    const row = this.rows.get(`${event.parent} ${event.runId}`);
    if (row === undefined) return;
    if (event.phase === "start") row.batch = true;
    else if (event.outcome === "failed") note(row.errors, event.error);
  }

  progress(event: ProgressEvent): void {
    const row = this.rows.get(`${event.parent} ${event.runId}`);
    if (row !== undefined) row.progress = event;
  }

  gate(event: GateEvent): void {
    const { phase, gate, runId, path } = event;
    if (phase === "paused") this.#pauses.set(`${gate} ${runId}`, { gate, until: event.until });
    else if (phase === "resumed") this.#pauses.delete(`${gate} ${runId}`);
    else {
      const row = this.#newest(runId, path);
      if (row !== undefined) row.waiting += phase === "waiting" ? 1 : -1;
    }
  }

  /** Current pauses; the end of one is reported only by the next call. */
  paused(now: number): Pause[] {
    return [...this.#pauses.values()].filter(({ until }) => until > now);
  }

  /** Deletes a row that is no longer displayed. */
  forget(key: string): void {
    this.rows.delete(key);
  }

  /** Items report waits, but their parents are not kept: the row is the newest of that path. */
  #newest(runId: string, path: Path): Row | undefined {
    const name = path.join("\0");
    let found: Row | undefined;
    for (const row of this.rows.values()) {
      if (row.ended === undefined && row.runId === runId && row.path.join("\0") === name) found = row;
    }
    return found;
  }
}

/** Generated ids are long and differ at their start. */
const shortId = (id: string): string => (/^[\da-f]{8}-[\da-f-]{27}$/.test(id) ? id.slice(0, 8) : id);

/** The maximum of kinds of errors per batch. */
const MOST_KINDS = 100;

function note(errors: Row["errors"], error: unknown): void {
  const text = textOf(error);
  const kind = kindOf(text);
  const known = errors.get(kind);
  if (known !== undefined) known.times++;
  else if (errors.size < MOST_KINDS) errors.set(kind, { text, times: 1 });
}

/** The kind of an error message: messages that differ only in numbers are of one kind. */
export const kindOf = (text: string): string => text.replace(/\d+/g, "0");

/** Any value can be thrown, even one that throws when it is read. */
function textOf(error: unknown): string {
  try {
    return isError(error) ? `${error.name}: ${error.message}` : String(error);
  } catch {
    return "an error that cannot be read";
  }
}

export const keyOf = ({ runId, id }: { readonly runId: string; readonly id: number }) => `${id} ${runId}`;
