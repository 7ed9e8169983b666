// The chunks in flight, sent by this coordinator or an earlier process of the run: collects outcomes, and resends lost
// chunks.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import type { Queue } from "bullmq";
import type { Redis } from "ioredis";
import { decode } from "../shared/plain-data.js";
import { answerOf } from "./answers.js";
import type { Capacity } from "./capacity.js";
import { type FoundCalls, findCalls } from "./found-calls.js";
import { type Chunk, type FromWorker, type ItemOutcome, type keysOf, ORPHAN_AGE } from "./protocol.js";
import { SentChunk } from "./sent-chunk.js";
import type { WaitingCall } from "./waiting-call.js";

/** The dependencies of chunks in flight. */
export interface UnderWayParts {
  readonly queue: Queue<Chunk>;
  /** The connection of the queue, so that commands stay in order. */
  readonly redis: Redis;
  readonly keys: ReturnType<typeof keysOf>;
  readonly capacity: Capacity;
  /** Called when more may be sent. */
  readonly onRoom: () => void;
}

/** The common fields of the calls of one node in one run. */
export type Header = Omit<Chunk, "items" | "isAgain">;

/** Milliseconds between two tries to remove a job that a worker has locked. */
const LOCKED = 100;

/** The chunks in flight. */
export class UnderWay {
  readonly #parts: UnderWayParts;
  readonly #sent = new Map<string, SentChunk>();
  /** The calls that earlier processes have sent, by run id. */
  readonly #found = new Map<string, Promise<FoundCalls>>();
  readonly #forgetting = new Set<Promise<void>>();

  constructor(parts: UnderWayParts) {
    this.#parts = parts;
  }

  get isEmpty(): boolean {
    return this.#sent.size === 0;
  }

  /** Resolves when ended chunks are removed, or after a second. */
  async settle(): Promise<void> {
    await Promise.race([Promise.all(this.#forgetting), sleep(1_000, undefined, { ref: false })]);
  }

  /** Sends calls as a chunk. */
  send(header: Header, calls: WaitingCall[]): void {
    const { capacity, keys, redis } = this.#parts;
    const { journal } = (calls[0] as WaitingCall).call.job.scope.run;
    const data: Chunk = { ...header, items: calls.map(({ item }) => item), isAgain: false };
    const sent = new SentChunk(randomUUID(), data, journal, calls);
    for (const [at, waiting] of calls.entries()) waiting.place = { sent, at };
    this.#sent.set(sent.id, sent);
    capacity.queued += calls.length;
    capacity.expect(header);
    if (journal !== undefined) {
      // Before the chunk itself, so that a restarted coordinator finds each chunk that a worker may have.
      const list = keys.run(header.runId);
      redis.multi().sadd(list, sent.id).pexpire(list, ORPHAN_AGE).exec().catch(ignore);
    }
    void this.#add(sent, data);
  }

  async #add({ id }: SentChunk, data: Chunk): Promise<void> {
    try {
      await this.#parts.queue.add(data.place, data, { jobId: id });
    } catch {
      // Redis is unreachable: the next check finds no such job, and adds it.
    }
  }

  /** Takes over a call that an earlier process of the run has sent. @returns Whether there was one. */
  async claim({ runId, place }: Header, waiting: WaitingCall): Promise<boolean> {
    const { capacity, keys, redis, queue } = this.#parts;
    let finding = this.#found.get(runId);
    if (finding === undefined) {
      const { journal } = waiting.call.job.scope.run;
      this.#found.set(runId, (finding = findCalls({ redis, keys, queue, runId, journal })));
    }
    const found = (await finding).take(place, waiting.item);
    if (found === undefined) return false;
    const { sent, at } = found;
    const text = await redis.hget(keys.results(sent.id), String(at));
    const outcome = text === null ? undefined : (JSON.parse(text) as ItemOutcome);
    if (outcome?.kind === "undone") return false;
    if (waiting.isOver) return true;
    waiting.place = found;
    sent.waiting[at] = waiting;
    capacity.queued++;
    this.#sent.set(sent.id, sent);
    if (outcome !== undefined) this.#settle(sent, at, outcome);
    return true;
  }

  /** Handles a message of a worker. */
  receive({ chunk, outcomes = [], emitted = [] }: FromWorker): void {
    const sent = this.#sent.get(chunk);
    if (sent === undefined) return;
    sent.isHeard = true;
    for (const [at, data] of emitted) void sent.waiting[at]?.call.emit(decode(data));
    for (const [at, outcome] of outcomes) this.#settle(sent, at, outcome);
  }

  #settle(sent: SentChunk, at: number, outcome: ItemOutcome): void {
    const waiting = sent.waiting[at];
    if (waiting === undefined || waiting.isOver) return;
    const { capacity, redis } = this.#parts;
    capacity.took(outcome.took);
    const answer = answerOf(waiting.call, outcome, redis);
    waiting.end(answer);
    const end = () => this.over(sent, at);
    if (outcome.large === undefined) end();
    else {
      sent.large.push(outcome.large);
      answer.then(end, end); // it must be read before the chunk is removed
    }
  }

  /** Ends the wait for a call. */
  over(sent: SentChunk, at: number): void {
    const { capacity, onRoom } = this.#parts;
    sent.waiting[at] = undefined;
    capacity.queued--;
    if (--sent.left === 0) {
      this.#sent.delete(sent.id);
      const forgetting: Promise<void> = this.#forget(sent)
        .catch(ignore)
        .finally(() => this.#forgetting.delete(forgetting));
      this.#forgetting.add(forgetting);
    }
    onRoom();
  }

  /** Removes a chunk once its results are safe. A chunk that cannot be removed expires. */
  async #forget({ id, data, journal, large }: SentChunk): Promise<void> {
    const { keys, queue, redis } = this.#parts;
    await turn(); // then the journal has the last result, if not on disk
    await journal?.flush();
    // A worker stores the last outcome before it ends the job. If it dies in between, the next worker needs the
    // outcomes, otherwise it repeats the calls.
    while ((await queue.remove(id)) === 0) await sleep(LOCKED);
    await redis.del(keys.results(id), ...large);
    if (journal !== undefined) await redis.srem(keys.run(data.runId), id);
  }

  /** Checks chunks without recent messages: messages may be lost, and Redis may have been emptied. */
  async look(): Promise<void> {
    for (const sent of [...this.#sent.values()]) {
      if (sent.isHeard) sent.isHeard = false;
      else if (sent.isAwaited) await this.#lookAt(sent);
    }
  }

  async #lookAt(sent: SentChunk): Promise<void> {
    const { keys, queue, redis } = this.#parts;
    const state = await queue.getJobState(sent.id); // read first, because outcomes are stored before the job ends
    const known = await redis.hgetall(keys.results(sent.id));
    for (const [field, text] of Object.entries(known)) {
      if (/^\d+$/.test(field)) this.#settle(sent, Number(field), JSON.parse(text) as ItemOutcome);
    }
    const isLost = state === "unknown" || state === "completed" || state === "failed";
    if (!isLost || !sent.isAwaited) return;
    // An at-most-once call may have run.
    for (const [at, item] of sent.data.items.entries()) {
      if (item?.once) this.#settle(sent, at, { kind: "died", attempts: 1, machine: "", took: 0 });
    }
    if (!sent.isAwaited) return;
    if (state !== "unknown") await queue.remove(sent.id);
    await this.#add(sent, sent.again());
  }
}

const ignore = () => {};
