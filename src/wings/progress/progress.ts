// A display of runs in the terminal, redrawn by log-update, or as log lines.
import { EventEmitter } from "eventemitter3";
import type { RunEmitter, RunEvents } from "sluice";
import { aBoolean, aDelay, checkOptions, isObject, type Rule } from "sluice/internal";
import { cutEnd } from "../shared/columns.js";
import { Board, keyOf, type Row } from "./board.js";
import { barLines, errorLine, pauseLine, sentence } from "./lines.js";

/** The stream that a display writes to. */
interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** The options of {@link showProgress}. */
export interface ProgressOptions {
  /** The stream to write to. @default process.stderr */
  readonly stream?: Output | undefined;
  /**
   * Whether to redraw in place. Needs the package `log-update`, and a stream with columns.
   *
   * @default true if the stream is a terminal and the variable `CI` is not set
   */
  readonly live?: boolean | undefined;
  /** Milliseconds between two updates. @default 100 when live, 10_000 otherwise */
  readonly interval?: number | undefined;
}

/** The result of {@link showProgress}. */
export interface Progress {
  /** The emitter to pass to each run to display: `flow.run(shared, { events: progress.events })`. */
  readonly events: RunEmitter;
}

const rules: Record<string, Rule> = {
  stream: {
    expected: "a stream to write to",
    accepts: (value) => isObject(value) && typeof (value as Output).write === "function",
  },
  live: aBoolean,
  interval: aDelay,
};

/**
 * Shows the progress of runs: a line for each batch with its items, failures, rate, time left and calls that wait at a
 * gate, a line for each other slow step, and pauses by the vendor. On a terminal it redraws in place; elsewhere, and
 * without the package `log-update`, it writes a line every ten seconds and at the end of each batch. A batch with
 * failed items ends with its most frequent error.
 *
 * The display begins with the first run and ends with the last one, and does not keep the process alive. Its errors do
 * not affect a run. Write nothing else to the same terminal while it is live.
 *
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`.
 * @example
 * ```ts
 * import { BatchNode, Flow } from "sluice";
 * import { showProgress } from "sluice/progress";
 *
 * class Sizes extends BatchNode<object, string, number> {
 *   override prep() { return ["lock", "sluice"]; }
 *   override exec(word: string) { return word.length; }
 * }
 * const lines: string[] = [];
 * const { events } = await showProgress({ stream: { write: (line: string) => lines.push(line) } });
 * await new Flow(new Sizes()).run({}, { events });
 * lines.join("").replace(/[\d.,]+(\/s| s)/g, "…$1"); // => "done: Sizes: 2 of 2, 100 %, …/s, … s\n"
 * ```
 */
export async function showProgress(options: ProgressOptions = {}): Promise<Progress> {
  checkOptions("showProgress()", options, rules);
  const { stream = process.stderr } = options;
  const { live = stream.isTTY === true && process.env.CI === undefined } = options;
  const screen = live ? await liveView(stream) : undefined;
  const { interval = screen === undefined ? 10_000 : 100 } = options;
  return { events: emitterOf(new Board(), screen ?? plainView(stream), interval) };
}

/** A view of a board. */
interface View {
  /** Shows the current state. */
  draw(board: Board, now: number): void;
  /** Shows an ended row permanently; returns whether it was shown. */
  keep(row: Row): void;
  /** Ends the display. */
  done(): void;
}

function emitterOf(board: Board, view: View, interval: number): RunEmitter {
  const events: RunEmitter = new EventEmitter<RunEvents>();
  let timer: ReturnType<typeof setInterval> | undefined;
  const draw = () => {
    try {
      view.draw(board, performance.now());
    } catch {
      clearInterval(timer); // the stream is closed; no other code would catch the error here
    }
  };
  events.on("run", (event) => {
    board.run(event);
    if (event.phase === "start" && timer === undefined) {
      timer = setInterval(draw, interval);
      timer.unref();
    } else if (board.running === 0) {
      clearInterval(timer);
      timer = undefined;
      draw();
      view.done();
    }
  });
  events.on("step", (event) => {
    board.step(event);
    if (event.phase === "start") return;
    const row = board.rows.get(keyOf(event));
    if (row === undefined) return;
    board.forget(keyOf(event));
    if (row.batch && !isNested(row)) view.keep(row);
  });
  events.on("item", (event) => board.item(event));
  events.on("progress", (event) => board.progress(event));
  events.on("gate", (event) => board.gate(event));
  return events;
}

/** Shorter steps get no line, in ms. */
const SHORT = 500;

/** The rows to show: batches, and the innermost of the other slow steps. */
function shown(board: Board, now: number): Row[] {
  const rows = [...board.rows.values()];
  // The batch around an iteration reports it.
  const steps = rows.filter((row) => !isNested(row) && now - row.began > SHORT);
  return rows.filter(
    (row) => row.batch || (steps.includes(row) && !rows.some((other) => isInside(other, row))),
  );
}

const isNested = ({ path }: Row) => path.some((part) => typeof part === "number");

const isInside = (inner: Row, outer: Row) =>
  inner.runId === outer.runId &&
  inner.path.length > outer.path.length &&
  outer.path.every((part, at) => inner.path[at] === part);

/** Creates a live view; `undefined` if lines cannot be redrawn. */
async function liveView(stream: Output): Promise<View | undefined> {
  const library = await import("log-update").catch(() => undefined);
  if (library === undefined || !((stream.columns ?? 0) > 0)) return undefined;
  const screen = library.createLogUpdate(stream as NodeJS.WritableStream);
  const columns = () => stream.columns || 80;
  let last = "";
  return {
    draw(board, now) {
      const rows = shown(board, now);
      const pauses = board.paused(now);
      const most = Math.max(1, (stream.rows ?? 24) - pauses.length - 2);
      const lines = barLines(rows.slice(0, most), now, columns());
      if (rows.length > most) lines.push(`  and ${rows.length - most} more`);
      for (const pause of pauses) lines.push(cutEnd(pauseLine(pause, now), columns() - 1));
      last = lines.join("\n");
      screen(last);
    },
    keep(row) {
      const error = errorLine(row);
      const lines = barLines([row], performance.now(), columns());
      if (error !== undefined) lines.push(cutEnd(error, columns() - 1));
      screen(lines.join("\n"));
      screen.done();
      if (last !== "") screen(last);
    },
    done() {
      screen.clear();
      screen.done();
    },
  };
}

function plainView(stream: Output): View {
  const reported = new WeakMap<Row, number>();
  return {
    draw(board, now) {
      for (const row of shown(board, now)) {
        const done = row.progress?.done ?? -1;
        if (reported.get(row) === done) continue;
        reported.set(row, done);
        stream.write(`${sentence(row, now)}\n`);
      }
      for (const pause of board.paused(now)) stream.write(`${pauseLine(pause, now)}\n`);
    },
    keep(row) {
      const error = errorLine(row);
      stream.write(`${sentence(row, performance.now())}\n${error === undefined ? "" : `${error}\n`}`);
    },
    done() {},
  };
}
