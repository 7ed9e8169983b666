// Counts the failures of a batch, for `maxFailures`.
import { describe, quote, SluiceError } from "../base/errors.js";
import { nameOf } from "../base/name.js";
import type { Named } from "./scope.js";

/** The maximum of distinct errors; a batch may fail a million times, each with its own text. */
const MOST_KINDS = 1_000;

/** Counts failures by their messages. */
export class Tally {
  readonly #node: Named;
  readonly #most: number;
  readonly #counts = new Map<string, number>();
  #failures = 0;

  constructor(node: Named, most: number) {
    this.#node = node;
    this.#most = most;
  }

  /** Adds the failures that earlier processes have delivered. */
  resume(failures: number): void {
    this.#failures = failures;
  }

  /** Counts a failure, and returns the error of the batch if it exceeds the maximum. */
  add(error: unknown): SluiceError | undefined {
    this.#failures++;
    const kind = describe(error).slice(0, 200);
    const count = this.#counts.get(kind);
    if (count !== undefined || this.#counts.size < MOST_KINDS) this.#counts.set(kind, (count ?? 0) + 1);
    if (this.#failures <= this.#most) return undefined;
    let [frequent, times] = ["", 0];
    for (const [each, number] of this.#counts) if (number > times) [frequent, times] = [each, number];
    return new SluiceError(
      "TOO_MANY_FAILURES",
      `${quote(nameOf(this.#node))}: ${this.#failures} items failed, more than \`maxFailures: ${this.#most}\`; the most frequent error (${times} of ${this.#failures}): ${quote(frequent)}`,
      { cause: error },
    );
  }
}
