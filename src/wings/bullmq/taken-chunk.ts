// A chunk that a worker has: its lock, and the calls that are left.
import type { Job } from "bullmq";
import type { Step } from "sluice/internal";
import { begunField, type Chunk, type ChunkItem, triesField } from "./protocol.js";

/** Ms that a lock lasts; it is renewed more often. */
export const LOCK = 5_000;

/** A call that a worker has taken. */
export interface TakenCall {
  readonly chunk: TakenChunk;
  readonly item: ChunkItem;
  readonly at: number;
  /** How often it was, or may have been, under way when its worker died. */
  readonly deaths: number;
  /** Whether it was begun, and must not be made twice. */
  readonly wasBegun: boolean;
}

/** A chunk that a worker has taken. */
export class TakenChunk {
  readonly id: string;
  readonly node: Step;
  readonly data: Chunk;
  /** Whether a worker died that had it. */
  readonly isSuspect: boolean;
  readonly drain = new AbortController();
  /** Ends calls that run, by their index. */
  readonly aborts = new Map<number, AbortController>();
  /** Calls without a stored outcome. */
  left = 0;
  /** Whether its lock is gone: another worker has it. */
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

  /** The calls that have no outcome in what is stored of it. */
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
