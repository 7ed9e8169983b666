// The results of `exec` and fallbacks: written at once, and returned when a run is resumed.
import { type Awaitable, SluiceError } from "sluice";
import { after, type Job, NODE, nameOf, quote, rethrow, type Step, warn } from "sluice/internal";
import { decode, encode, problemOf } from "../shared/plain-data.js";
import type { BatchPart } from "./batch-part.js";
import type { Change, JournalDriver } from "./driver.js";
import type { WriteQueue } from "./write-queue.js";

/** The dependencies of results. */
export interface ResultParts {
  readonly driver: JournalDriver;
  readonly run: string;
  readonly queue: WriteQueue;
  readonly isResumed: boolean;
}

/** The place of a job's result. */
interface Place {
  readonly key: string;
  /** The slot of an item; `""` for a step. */
  readonly item: string;
  readonly batch: BatchPart | undefined;
}

type Make = (failed?: { readonly error: unknown }) => unknown;

/** The place of a job: its step, or its item in a batch. */
export function placeOf({ node, scope, step, index }: Job): Place {
  const batch = scope.batch as BatchPart | undefined;
  if (batch === undefined) return { key: scope.keyOf(node, step), item: "", batch };
  return { key: batch.key, item: String(batch.slotOf(index as number)), batch };
}

/** The key of a place. */
export const siteOf = ({ key, item }: Place): string => (item === "" ? key : `${key}[${item}]`);

const isOnce = (node: unknown): boolean =>
  ((node as Step)[NODE].options as { readonly atMostOnce?: boolean }).atMostOnce === true;

/** The results of one run. */
export class Results {
  readonly #parts: ResultParts;
  readonly #warned = new WeakMap<Step, Set<string>>();

  constructor(parts: ResultParts) {
    this.#parts = parts;
  }

  /** Returns the recorded result of a job, or computes it. */
  recall(job: Job, make: Make): unknown {
    const place = placeOf(job);
    const { batch, item, key } = place;
    const call = () => (job.walk === undefined ? this.#make(job, place, make) : make());
    const mayHave = this.#parts.isResumed && (batch === undefined || batch.hasResult(Number(item)));
    if (!mayHave) return call();
    const { driver, run } = this.#parts;
    const stored = this.#read(() => driver.get(run, "result", key, item));
    return after(stored, (text) => (text === undefined ? call() : decode(text as string)), rethrow);
  }

  /** Reads from the database, whose failure ends the run and does not fail an item. */
  #read<T>(read: () => Awaitable<T>): unknown {
    const fail = (error: unknown): never => {
      this.#parts.queue.fail(error);
      throw error;
    };
    try {
      return after(read(), (value) => value, fail);
    } catch (error) {
      return fail(error);
    }
  }

  #make(job: Job, place: Place, make: Make): unknown {
    const keep = (value: unknown) => this.#remember(job, place, value);
    if (!isOnce(job.node)) return after(make(), keep, rethrow);
    return after(
      this.#once(job, place).then((failed) => make(failed)),
      keep,
      rethrow,
    );
  }

  /** Records the start of a call; returns the failure of a call that had begun already. */
  async #once(job: Job, { key, item, batch }: Place) {
    const { driver, run, queue, isResumed } = this.#parts;
    if (isResumed && (await this.#read(() => driver.get(run, "once", key, item))) !== undefined) {
      const text = `${quote(nameOf(job.node))} was interrupted at ${key}${item && `[${item}]`}, and may have been done: with \`atMostOnce\` it is not called again; decide in execFallback()`;
      return { error: new SluiceError("INTERRUPTED", text) };
    }
    queue.add({ put: { kind: "once", key, item, hash: batch?.hashOf(Number(item)), value: "" } });
    await queue.flush(true);
    return undefined;
  }

  /** Records a result. A result that cannot be serialized is used too, because it was paid for. */
  #remember(job: Job, { key, item, batch }: Place, value: unknown): unknown {
    const slot = Number(item);
    const hash = batch?.hashOf(slot);
    if (hash === "") return value;
    const { queue } = this.#parts;
    const problem = problemOf(value);
    if (problem === undefined) {
      batch?.ended(slot);
      queue.add({ put: { kind: "result", key, item, hash, value: encode(value) } });
      const room = queue.room();
      return room === undefined ? value : room.then(() => value);
    }
    batch?.begin(slot); // its slot must be found again after its delivery
    const text = `${quote(nameOf(job.node))}: a result that is no plain data is not kept (${problem}), so a resumed run pays it again`;
    this.warnOnce(job.node as unknown as Step, "SLUICE_NOT_REMEMBERED", text);
    return value;
  }

  /** Returns the changes that record the fallback of a walk. */
  fallback(job: Job, value: unknown): Change[] {
    const { key, item, batch } = placeOf(job);
    const hash = batch?.hashOf(Number(item));
    if (hash === "" || problemOf(value) !== undefined) return [];
    return [{ put: { kind: "result", key, item, hash, value: encode(value) } }];
  }

  /** Returns the changes that delete the rows of a step or an item. */
  forget(node: Step, key: string, item: string): Change[] {
    const kinds = [...(node[NODE].leaf ? [] : (["start"] as const)), "result" as const];
    if (isOnce(node)) return [...kinds, "once" as const].map((kind) => ({ delete: { kind, key, item } }));
    return kinds.map((kind) => ({ delete: { kind, key, item } }));
  }

  /** Warns once per node. */
  warnOnce(node: Step, code: "SLUICE_NOT_REMEMBERED", message: string): void {
    let codes = this.#warned.get(node);
    if (codes === undefined) this.#warned.set(node, (codes = new Set()));
    if (codes.has(code)) return;
    codes.add(code);
    warn(code, message);
  }
}
