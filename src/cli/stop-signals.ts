// Ctrl-C during a run: the first drains it, the second aborts it, the third ends the process.
import { constants } from "node:os";
import type { Io } from "./io.js";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
type Name = (typeof SIGNALS)[number];

/** Milliseconds within which two signals count as one: npx forwards a Ctrl-C that the terminal has also sent here. */
const SAME = 100;

/** Listens to signals until `end` is called. */
export class StopSignals {
  readonly #drain = new AbortController();
  readonly #abort = new AbortController();
  readonly #io: Io;
  /** The first signal and its time; written by the listener. */
  #first: { readonly name: Name; readonly at: number } | undefined;

  constructor(io: Io) {
    this.#io = io;
    for (const name of SIGNALS) process.on(name, this.#listener);
  }

  readonly #listener = (name: Name): void => {
    if (this.#first === undefined) {
      this.#first = { name, at: performance.now() };
      this.#io.err(`${name}: waits for calls in flight; once more to abort them\n`);
      this.#drain.abort(new Error(`stopped by ${name}`));
    } else if (performance.now() - this.#first.at > SAME) {
      this.end();
      this.#io.err(`${name}: aborts calls in flight\n`);
      this.#abort.abort(new Error(`aborted by ${name}`));
    }
  };

  get drain(): AbortSignal {
    return this.#drain.signal;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Whether an error is the reason of a signal. */
  isReason(error: unknown): boolean {
    return this.#first !== undefined && (error === this.drain.reason || error === this.signal.reason);
  }

  get exitCode(): number {
    return 128 + constants.signals[this.#first?.name ?? "SIGINT"];
  }

  end(): void {
    for (const name of SIGNALS) process.off(name, this.#listener);
  }
}

/** Waits for the abort of a signal. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
