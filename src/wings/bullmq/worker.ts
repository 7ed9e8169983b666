// A worker: takes chunks of calls, makes each call with the node at the same place of its own flow, and stores what it
// comes to before it takes the next.
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Job, Worker } from "bullmq";
import type { Redis } from "ioredis";
import { makeSentCall, type SentOutcome, SluiceError, type Step, warn } from "sluice/internal";
import type { Graph } from "../shared/graph.js";
import { decode, encode, problemOf } from "../shared/plain-data.js";
import { Outbox } from "./outbox.js";
import {
  CARD_LIFE,
  type Chunk,
  type ChunkItem,
  type ItemOutcome,
  keysOf,
  LARGE,
  LARGEST,
  ORPHAN_AGE,
  type ToWorkers,
  triesField,
  type WorkerCard,
} from "./protocol.js";
import { writeError } from "./sent-error.js";

/** The options of {@link Fleet.work}. */
export interface FleetWorkerOptions {
  /** The most calls at once. @default 16 */
  readonly concurrency?: number | undefined;
  /** What `locate()` calls this machine. @default its host name and the process id */
  readonly machine?: string | undefined;
}

/** What a worker is doing. */
export interface FleetWorkerStats {
  /** Calls that run. */
  readonly running: number;
  /** Calls that it has taken and not begun. */
  readonly waiting: number;
  /** Calls that have ended since it began. */
  readonly done: number;
}

/** What a worker stands on. */
export interface WorkerParts {
  readonly queue: string;
  readonly redis: Redis;
  readonly subscriber: Redis;
  readonly jobs: Worker<Chunk>;
  readonly graph: Graph;
  readonly flow: string;
  readonly version: string | null;
  readonly concurrency: number;
  readonly machine: string | undefined;
}

/** A lock is renewed every so many ms; it lasts for `LOCK`. */
const RENEWAL = 1_000;
export const LOCK = 5_000;
/** A job of another graph is looked at again after so many ms. */
const GIVE_BACK = 1_000;
/** A call that was under way so often when its worker died is not made again. */
const MOST_DEATHS = 3;

/** A chunk that a worker has. */
interface Taken {
  readonly id: string;
  readonly job: Job<Chunk>;
  readonly token: string;
  readonly node: Step;
  readonly drain: AbortController;
  readonly aborts: Map<number, AbortController>;
  /** Calls without a stored outcome. */
  left: number;
  /** Set when its lock is gone: another worker has it. */
  isLost: boolean;
  /** Whether the worker that had it before died. */
  readonly isSuspect: boolean;
}

/** A call that was taken. */
interface Begun {
  readonly chunk: Taken;
  readonly item: ChunkItem;
  readonly at: number;
  /** How often it was under way when its worker died. */
  readonly deaths: number;
}

/** Takes calls from a fleet's queue until it is closed. Made by {@link Fleet.work}. */
export class FleetWorker {
  readonly #parts: WorkerParts;
  readonly #keys: ReturnType<typeof keysOf>;
  readonly #outbox: Outbox;
  readonly #id = randomUUID();
  readonly #machine: string;
  readonly #taken = new Map<string, Taken>();
  /** Calls that were taken and not begun. */
  readonly #waiting: Begun[] = [];
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  #running = 0;
  #done = 0;
  #isClosing = false;
  #closed: Promise<void> | undefined;
  #pulling: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #idle: (() => void) | undefined;
  /** Whether a call runs that may kill the process: it runs alone. */
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
    subscriber.on("message", (_channel: string, text: string) => this.#hear(JSON.parse(text)));
    await subscriber.subscribe(this.#keys.toWorkers);
    await this.#showCard();
    this.#timers.push(
      setInterval(() => void this.#showCard().catch(ignore), CARD_LIFE / 3),
      setInterval(() => void this.#renew(), RENEWAL),
    );
    await jobs.startStalledCheckTimer();
    this.#pulling = this.#pull();
    return this;
  }

  /** Says what it is doing. */
  stats(): FleetWorkerStats {
    return { running: this.#running, waiting: this.#waiting.length, done: this.#done };
  }

  /** Drains it: calls under way end, and those that have not begun go back to the queue. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Closes it at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { jobs, redis, subscriber } = this.#parts;
    this.#isClosing = true;
    this.#wake?.();
    this.#waiting.length = 0;
    if (this.#running > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    await this.#outbox.flush().catch(ignore);
    for (const timer of this.#timers) clearInterval(timer);
    for (const taken of this.#taken.values()) await this.#giveBack(taken, 0);
    await redis
      .multi()
      .del(this.#keys.card(this.#id))
      .srem(this.#keys.workers, this.#id)
      .exec()
      .catch(ignore);
    await jobs.close(true);
    await this.#pulling;
    subscriber.disconnect();
    redis.disconnect();
  }

  async #showCard(): Promise<void> {
    const { redis, flow, graph, version, concurrency } = this.#parts;
    const card: WorkerCard = {
      id: this.#id,
      machine: this.#machine,
      concurrency,
      flow,
      graph: graph.fingerprint,
      version,
    };
    const key = this.#keys.card(this.#id);
    await redis
      .multi()
      .set(key, JSON.stringify(card), "PX", CARD_LIFE)
      .sadd(this.#keys.workers, this.#id)
      .exec();
  }

  /** Takes a chunk whenever a call could begin that none is there for. */
  async #pull(): Promise<void> {
    const { jobs, concurrency } = this.#parts;
    for (let number = 0; !this.#isClosing; number++) {
      if (this.#waiting.length > 0 || this.#running >= concurrency) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const token = `${this.#id}-${number}`;
      try {
        const job = (await jobs.getNextJob(token)) as Job<Chunk> | undefined;
        if (job?.id !== undefined) await this.#take(job, job.id, token);
      } catch {
        if (!this.#isClosing) await new Promise((resolve) => setTimeout(resolve, 200)); // Redis is away
      }
    }
  }

  async #take(job: Job<Chunk>, id: string, token: string): Promise<void> {
    const { graph, flow, version, redis } = this.#parts;
    const { data } = job;
    const node = graph.places.get(data.place);
    if (data.graph !== graph.fingerprint || data.version !== version || node === undefined) {
      const theirs = `${data.flow} (graph ${data.graph}, version ${data.version ?? "none"})`;
      warnOnce(
        theirs,
        `This worker has ${flow} (graph ${graph.fingerprint}, version ${version ?? "none"}) and gives back calls of ${theirs}; start both with the same code`,
      );
      await job.moveToDelayed(Date.now() + GIVE_BACK, token);
      return;
    }
    const isSuspect = (job.stalledCounter ?? 0) > 0;
    const known = isSuspect || job.attemptsStarted > 1 ? await redis.hgetall(this.#keys.results(id)) : {};
    const taken: Taken = {
      id,
      job,
      token,
      node,
      drain: new AbortController(),
      aborts: new Map(),
      left: 0,
      isLost: false,
      isSuspect,
    };
    this.#taken.set(id, taken);
    for (const [at, item] of data.items.entries()) {
      if (known[at] !== undefined) continue;
      taken.left++;
      this.#waiting.push({ chunk: taken, item, at, deaths: Number(known[triesField(at)] ?? 0) });
    }
    this.#waiting.sort((a, b) => a.deaths - b.deaths);
    if (taken.left === 0) await this.#complete(taken);
    this.#begin();
  }

  /** Begins calls while there is room. */
  #begin(): void {
    const { concurrency } = this.#parts;
    while (this.#running < concurrency && this.#waiting.length > 0 && !this.#isQuarantined) {
      const next = this.#waiting[0] as Begun;
      // What may have killed two workers runs alone, so that it is known for sure.
      const isAlone = next.deaths >= MOST_DEATHS - 1;
      if (isAlone && this.#running > 0) return;
      this.#waiting.shift();
      if (next.chunk.isLost) continue;
      this.#isQuarantined = isAlone;
      this.#running++;
      void this.#run(next.chunk, next.item, next.at, next.deaths).then(() => {
        this.#running--;
        this.#isQuarantined = false;
        this.#done++;
        if (this.#running === 0 && this.#isClosing) this.#idle?.();
        this.#begin();
        this.#wake?.();
      });
    }
  }

  async #run(taken: Taken, item: ChunkItem, at: number, deaths: number): Promise<void> {
    try {
      const outcome = await this.#outcomeOf(taken, item, at, deaths);
      await this.#outbox.add(taken.id, at, outcome);
      taken.aborts.delete(at);
      if (--taken.left === 0) await this.#complete(taken);
    } catch {
      taken.isLost = true; // Redis is away, or was emptied: another worker takes it, or the coordinator sends it again
    }
  }

  async #outcomeOf(taken: Taken, item: ChunkItem, at: number, deaths: number): Promise<ItemOutcome> {
    const machine = this.#machine;
    if (deaths >= MOST_DEATHS || (item.once && taken.isSuspect))
      return { kind: "died", attempts: deaths, machine, took: 0 };
    if (taken.isSuspect) {
      await this.#parts.redis.hincrby(this.#keys.results(taken.id), triesField(at), 1);
    }
    const { runId, isWatched, isMetered } = taken.job.data;
    const { key, identity, path, index } = item;
    const abort = new AbortController();
    taken.aborts.set(at, abort);
    const began = performance.now();
    const outcome = await makeSentCall(
      taken.node,
      {
        runId,
        key,
        identity,
        path,
        index,
        params: decode(item.params) as Record<string, unknown>,
        input: decode(item.input),
        isWatched,
        isMetered,
      },
      {
        signal: abort.signal,
        drain: taken.drain.signal,
        emit: (data) => {
          if (problemOf(data) === undefined) this.#outbox.emit(taken.id, at, encode(data));
        },
      },
    );
    return this.#write(taken, at, outcome, performance.now() - began);
  }

  async #write(taken: Taken, at: number, outcome: SentOutcome, took: number): Promise<ItemOutcome> {
    const machine = this.#machine;
    const { charged } = outcome;
    const attempts =
      typeof outcome.attempts === "number"
        ? outcome.attempts
        : outcome.attempts.map(({ error, ...report }) =>
            error === undefined ? report : { ...report, error: writeError(error) },
          );
    const details = { attempts, charged, machine, took };
    const failed = (error: unknown): ItemOutcome => ({ ...details, kind: "error", error: writeError(error) });
    if (outcome.kind === "error") return failed(outcome.error);
    if (outcome.kind !== "value") return { ...details, kind: outcome.kind };
    const problem = problemOf(outcome.value);
    const { place } = taken.job.data;
    if (problem !== undefined) {
      const text = `${place}: expected a result that is plain data, got ${problem}; it has to travel back to the run`;
      return failed(new SluiceError("NOT_SERIALIZABLE", text));
    }
    const value = encode(outcome.value);
    if (value.length < LARGE / 4) return { ...details, kind: "value", value };
    if (value.length > LARGEST) {
      const text = `${place}: a result of ${value.length} characters is too large to travel (at most ${LARGEST}); store it where the run can read it, and return its name`;
      return failed(new SluiceError("RESULT_TOO_LARGE", text));
    }
    const large = this.#keys.large(taken.id, at);
    await this.#parts.redis.set(large, value, "PX", ORPHAN_AGE);
    return { ...details, kind: "value", large };
  }

  async #complete(taken: Taken): Promise<void> {
    this.#taken.delete(taken.id);
    await taken.job.moveToCompleted(null, taken.token, false).catch(ignore);
  }

  async #giveBack(taken: Taken, delay: number): Promise<void> {
    this.#taken.delete(taken.id);
    await taken.job.moveToDelayed(Date.now() + delay, taken.token).catch(ignore);
  }

  async #renew(): Promise<void> {
    for (const taken of this.#taken.values()) {
      taken.job.extendLock(taken.token, LOCK).catch((error: unknown) => {
        if (/lock|Missing/i.test(String(error))) taken.isLost = true;
      });
    }
  }

  #hear({ chunk, abort, drain }: ToWorkers): void {
    const taken = this.#taken.get(chunk);
    if (taken === undefined) return;
    if (drain) taken.drain.abort(new Error("The run that sent the call is drained"));
    for (const at of abort ?? []) {
      const controller = taken.aborts.get(at);
      if (controller === undefined) {
        const place = this.#waiting.findIndex((each) => each.chunk === taken && each.at === at);
        if (place !== -1) this.#waiting.splice(place, 1);
        if (place !== -1 && --taken.left === 0) void this.#complete(taken);
      } else controller.abort(new Error("The run that sent the call does not wait for it any more"));
    }
    this.#wake?.();
  }
}

const ignore = () => {};
const warned = new Set<string>();

function warnOnce(what: string, message: string): void {
  if (warned.has(what)) return;
  warned.add(what);
  warn("SLUICE_GRAPH_DIFFERS", message);
}
