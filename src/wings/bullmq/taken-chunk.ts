// A chunk at its worker: its lock, and the remaining calls.
import type { Job } from "bullmq";
import type { Step } from "sluice/internal";
import { begunField, type Chunk, type ChunkItem, triesField } from "./protocol.js";

/** The duration of a lock in ms; it is renewed more often. */
export const LOCK = 5_000;

/** A call that a worker has taken. */
export interface TakenCall {
  readonly chunk: TakenChunk;
  readonly item: ChunkItem;
  readonly at: number;
  /** How often it was, or may have been, running when its worker died. */
  readonly deaths: number;
  /** Whether it has begun, so that an at-most-once call must not run again. */
  readonly wasBegun: boolean;
}

/** A chunk that a worker has taken. */
export class TakenChunk {
  readonly id: string;
  readonly node: Step;
  readonly data: Chunk;
  /** Whether a worker died with this chunk. */
  readonly isSuspect: boolean;
  readonly drain = new AbortController();
  /** Abort controllers of running calls, by index. */
  readonly aborts = new Map<number, AbortController>();
  /** The number of calls without a stored outcome. */
  left = 0;
  /** Whether its lock was lost to another worker. */
  isLost = false;
  readonly #job: Job<Chunk>;
  readonly #token: string;

  constructor(job: Job<Chunk>, token: string, node: Step) {
    this.#job = job;
    this.#token = token;
    this.id = job.id as string;
    this.node = node;
    this.data = job.data;
    this.isSuspect = (job.stalledCounter ?? 0) > 0;
  }

  /** Whether some of its outcomes may be stored already. */
  get mayBeKnown(): boolean {
    return this.isSuspect || this.data.isAgain || this.#job.attemptsStarted > 1;
  }

  /** The calls without a stored outcome. */
  *calls(known: Readonly<Record<string, string>>): Iterable<TakenCall> {
    for (const [at, item] of this.data.items.entries()) {
      if (item === null || known[at] !== undefined) continue;
      const tries = Number(known[triesField(at)] ?? 0);
      const deaths = this.isSuspect ? tries + 1 : 0;
      yield { chunk: this, item, at, deaths, wasBegun: known[begunField(at)] !== undefined };
    }
  }

  /** Ends its job. */
  async complete(): Promise<void> {
    await this.#job.moveToCompleted(null, this.#token, false).catch(ignore);
  }

  /** Returns the chunk to the queue, for this or another worker. */
  async giveBack(delay: number): Promise<void> {
    await this.#job.moveToDelayed(Date.now() + delay, this.#token).catch(ignore);
  }

  async renew(): Promise<void> {
    try {
      await this.#job.extendLock(this.#token, LOCK);
    } catch (error) {
      if (/lock|Missing/i.test(String(error))) this.isLost = true;
    }
  }
}

const ignore = () => {};
