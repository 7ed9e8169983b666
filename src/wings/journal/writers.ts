// The hooks that are writing one store, and the wait of checkpoints for them.
import { type Cancellation, type Named, nameOf, quote, warn } from "sluice/internal";
import { isUnder } from "./keys.js";

/** A hook that writes the store. */
interface Writer {
  readonly node: Named;
  readonly hook: string;
}

/** Milliseconds without a cut after which new writers wait, and the maximum of their wait. */
const PATIENCE = 1_000;
const LONGEST_WAIT = 5_000;

/** The writers of one store. */
export class Writers {
  readonly #active = new Set<Writer>();
  /** Places where a hook has thrown, so that its writes are incomplete; written by `break` and `repair`. */
  readonly #broken = new Set<string>();
  /** Since when a cut is due while hooks write; written by `want` and `end`. */
  #wantedSince: number | undefined;
  #waiting: (() => void)[] = [];
  /** The node whose hook began last, for messages; written by `enter`. */
  last: Named | undefined;

  /** Whether a cut can be taken. */
  get areDone(): boolean {
    return this.#active.size === 0 && this.#broken.size === 0;
  }

  /** Records that a hook writes the store. @returns A function that ends that. */
  enter(node: Named, hook: string): () => void {
    const writer = { node, hook };
    this.#active.add(writer);
    this.last = node;
    return () => this.#active.delete(writer);
  }

  /** Records that a hook has thrown at this key: no cut is taken until the failure is handled. */
  break(key: string): void {
    this.#broken.add(key);
  }

  /** Called when the failure at or under this key is handled. */
  repair(key: string): void {
    for (const other of this.#broken) if (isUnder(other, key)) this.#broken.delete(other);
  }

  /** Requests a cut. @returns Whether it can be taken now. */
  want(): boolean {
    if (this.areDone) return true;
    this.#wantedSince ??= performance.now();
    return false;
  }

  /** The wait of a new writer, so that a cut can be taken. */
  room(): Promise<void> | undefined {
    if (this.#wantedSince === undefined || this.#active.size === 0 || this.#broken.size > 0) return undefined;
    if (performance.now() - this.#wantedSince < PATIENCE) return undefined;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        if (this.#wantedSince !== undefined) this.#warn();
        this.end();
      }, LONGEST_WAIT);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Called when a cut was taken or abandoned. */
  end(): void {
    this.#wantedSince = undefined;
    for (const go of this.#waiting.splice(0)) go();
  }

  #warn(): void {
    const hooks = [...this.#active].map(({ node, hook }) => `${quote(nameOf(node))}.${hook}`);
    warn(
      "SLUICE_NO_CHECKPOINT",
      `No checkpoint for ${(PATIENCE + LONGEST_WAIT) / 1_000} s: ${hooks.slice(0, 3).join(", ")} was writing the store all the time; do slow work in exec(), and write the store without awaiting`,
    );
  }
}

/** Waits until a promise resolves, or a drain or an abort ends the wait; the caller checks which. */
export function waitOr(cancellation: Cancellation | undefined, wait: Promise<void>): Promise<void> {
  if (cancellation === undefined) return wait;
  return new Promise((resolve) => {
    const end = () => {
      cancellation.unlisten(end);
      resolve();
    };
    cancellation.listen(end);
    void wait.then(end);
    if (cancellation.draining) end();
  });
}
