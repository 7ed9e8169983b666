// A worker: takes chunks of calls, runs each call with the node at the same place of its own flow, and stores the
// outcome before it takes the next call.
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Job, Worker } from "bullmq";
import type { Redis } from "ioredis";
import { type FlowCard, isSameForm, showForm, warnOfOther } from "./flow-card.js";
import { MOST_DEATHS, makeCall } from "./make-call.js";
import { Outbox } from "./outbox.js";
import { CARD_LIFE, type Chunk, keysOf, type ToWorkers, type WorkerCard } from "./protocol.js";
import { type TakenCall, TakenChunk } from "./taken-chunk.js";

/** The state of a worker. */
export interface FleetWorkerStats {
  /** Running calls. */
  readonly running: number;
  /** Calls that it has taken but not begun. */
  readonly waiting: number;
  /** Calls that have ended since its start. */
  readonly done: number;
}

/** The dependencies of a worker. */
export interface WorkerParts {
  readonly queue: string;
  readonly redis: Redis;
  readonly subscriber: Redis;
  readonly jobs: Worker<Chunk>;
  /** Closes the connections. */
  readonly disconnect: () => void;
  /** The flows whose calls it takes. */
  readonly cards: readonly FlowCard[];
  readonly concurrency: number;
  readonly machine: string | undefined;
}

/** Milliseconds between two renewals of locks. */
const RENEWAL = 1_000;
/** Milliseconds after which a job of another graph is tried again. */
const GIVE_BACK = 1_000;
/** Milliseconds between two tries while Redis is unreachable. */
const RETRY = 200;

/** Takes calls from a fleet's queue until it is closed. Made by {@link Fleet.work}. */
export class FleetWorker {
  readonly #parts: WorkerParts;
  readonly #keys: ReturnType<typeof keysOf>;
  readonly #outbox: Outbox;
  readonly #id = randomUUID();
  readonly #machine: string;
  readonly #chunks = new Map<string, TakenChunk>();
  /** Calls that were taken but not begun. */
  #waiting: TakenCall[] = [];
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  /** Other graphs that were warned about. */
  readonly #warned = new Set<string>();
  #running = 0;
  #done = 0;
  #closed: Promise<void> | undefined;
  #pulling: Promise<void> | undefined;
  /** Resumes `#pull`; written while it waits. */
  #wake: (() => void) | undefined;
  /** Whether a call that may kill the process runs, which runs alone. */
  #isQuarantined = false;

  /** @internal */
  constructor(parts: WorkerParts) {
    this.#parts = parts;
    this.#keys = keysOf(parts.queue);
    this.#machine = parts.machine ?? `${hostname()}:${process.pid}`;
    this.#outbox = new Outbox(parts.redis, this.#keys);
  }

  /** @internal */
  async start(): Promise<this> {
    const { subscriber, jobs } = this.#parts;
    subscriber.on("message", (_channel: string, text: string) => this.#receive(JSON.parse(text)));
    await subscriber.subscribe(this.#keys.toWorkers);
    await this.#showCard();
    this.#timers.push(
      setInterval(() => void this.#showCard().catch(ignore), CARD_LIFE / 3),
      setInterval(() => {
        for (const chunk of this.#chunks.values()) void chunk.renew();
      }, RENEWAL),
    );
    await jobs.startStalledCheckTimer();
    this.#pulling = this.#pull();
    return this;
  }

  /** Returns its current state. */
  stats(): FleetWorkerStats {
    return { running: this.#running, waiting: this.#waiting.length, done: this.#done };
  }

  /** Drains it: running calls finish, and the others return to the queue. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Closes it at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { jobs, redis, disconnect } = this.#parts;
    this.#wake?.();
    while (this.#running > 0) await this.#change();
    await this.#outbox.flush().catch(ignore);
    await this.#pulling; // the wait for the next job ends within a second
    for (const chunk of this.#chunks.values()) await chunk.giveBack(0);
    for (const timer of this.#timers) clearInterval(timer);
    const card = this.#keys.card(this.#id);
    await redis.multi().del(card).srem(this.#keys.workers, this.#id).exec().catch(ignore);
    await jobs.close(true);
    disconnect();
  }

  /** Resolves when a call has ended, or the worker is being closed. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  async #showCard(): Promise<void> {
    const { redis, cards, concurrency } = this.#parts;
    const forms = cards.map(({ form }) => form);
    const card: WorkerCard = { id: this.#id, machine: this.#machine, concurrency, forms };
    const key = this.#keys.card(this.#id);
    const text = JSON.stringify(card);
    await redis.multi().set(key, text, "PX", CARD_LIFE).sadd(this.#keys.workers, this.#id).exec();
  }

  /** Takes a chunk whenever there is a free slot without a call. */
  async #pull(): Promise<void> {
    const { jobs, concurrency } = this.#parts;
    for (let number = 0; this.#closed === undefined; number++) {
      if (this.#waiting.length > 0 || this.#running >= concurrency) {
        await this.#change();
        continue;
      }
      const token = `${this.#id}-${number}`;
      try {
        const job = (await jobs.getNextJob(token)) as Job<Chunk> | undefined;
        if (job?.id !== undefined) await this.#take(job, token);
      } catch {
        if (this.#closed === undefined) await new Promise((resolve) => setTimeout(resolve, RETRY));
      }
    }
  }

  async #take(job: Job<Chunk>, token: string): Promise<void> {
    const { cards, redis } = this.#parts;
    const { data } = job;
    const card = cards.find(({ form }) => isSameForm(form, data));
    const node = card?.graph.places.get(data.place);
    const chunk = new TakenChunk(job, token, node as NonNullable<typeof node>);
    if (node === undefined) {
      this.#warnOfGraph(data);
      await chunk.giveBack(GIVE_BACK);
      return this.#pause(GIVE_BACK * (1 + Math.random()));
    }
    this.#chunks.set(chunk.id, chunk);
    const known = chunk.mayBeKnown ? await redis.hgetall(this.#keys.results(chunk.id)) : {};
    const calls = [...chunk.calls(known)];
    chunk.left = calls.length;
    if (this.#closed !== undefined) return; // `close` returns it
    // Calls that may kill the process come last.
    this.#waiting = [...this.#waiting, ...calls].sort((a, b) => a.deaths - b.deaths);
    if (chunk.left === 0) await this.#complete(chunk);
    this.#begin();
  }

  /** Takes nothing for some ms: otherwise it could take the chunk that it has just returned again and again. */
  async #pause(ms: number): Promise<void> {
    const end = performance.now() + ms;
    for (let left = ms; left > 0 && this.#closed === undefined; left = end - performance.now()) {
      await Promise.race([sleep(left, undefined, { ref: false }), this.#change()]);
    }
  }

  #warnOfGraph(data: Chunk): void {
    const other = showForm(data);
    if (!this.#warned.has(other)) warnOfOther(other, this.#parts.cards);
    this.#warned.add(other);
  }

  /** Begins calls while there is room. */
  #begin(): void {
    const { concurrency } = this.#parts;
    while (this.#running < concurrency && this.#closed === undefined && !this.#isQuarantined) {
      const next = this.#waiting[0];
      // A call that may have killed two workers runs alone, to be certain.
      const isAlone = next !== undefined && next.deaths >= MOST_DEATHS - 1;
      if (next === undefined || (isAlone && this.#running > 0)) return;
      this.#waiting.shift();
      if (next.chunk.isLost) continue;
      this.#isQuarantined = isAlone;
      this.#running++;
      void this.#run(next).then(() => {
        this.#running--;
        this.#isQuarantined = false;
        this.#done++;
        this.#begin();
        this.#wake?.();
      });
    }
  }

  async #run(call: TakenCall): Promise<void> {
    const { chunk, at } = call;
    const { redis } = this.#parts;
    const emit = (id: string, index: number, data: string) => this.#outbox.emit(id, index, data);
    try {
      const outcome = await makeCall(call, { redis, keys: this.#keys, machine: this.#machine, emit });
      await this.#outbox.add(chunk.id, at, outcome);
      if (--chunk.left === 0) await this.#complete(chunk);
    } catch {
      chunk.isLost = true; // the outcome is not stored, so the call runs again elsewhere
    }
  }

  async #complete(chunk: TakenChunk): Promise<void> {
    this.#chunks.delete(chunk.id);
    await chunk.complete();
  }

  /** Handles a message of a coordinator. */
  #receive({ chunk: id, abort = [], drain }: ToWorkers): void {
    const chunk = this.#chunks.get(id);
    if (chunk === undefined) return;
    if (drain) chunk.drain.abort(new Error("The run that sent the call is drained"));
    for (const at of abort) {
      chunk.aborts.get(at)?.abort(new Error("The run that sent the call does not wait for it any more"));
    }
    const isOff = (call: TakenCall) => call.chunk === chunk && abort.includes(call.at);
    const off = this.#waiting.filter(isOff).length;
    if (off === 0) return;
    this.#waiting = this.#waiting.filter((call) => !isOff(call));
    chunk.left -= off;
    if (chunk.left === 0) void this.#complete(chunk);
    this.#wake?.();
  }
}

const ignore = () => {};
