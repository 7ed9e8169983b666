// The coordinator's side of a fleet: gathers calls into chunks, and sends them when the fleet has room.
import type { Queue } from "bullmq";
import type { Redis } from "ioredis";
import type { ExecutorAnswer } from "sluice";
import type { OpenCall } from "sluice/internal";
import { Capacity } from "./capacity.js";
import { cardOf } from "./flow-card.js";
import { type Chunk, type FromWorker, keysOf, LARGE, type ToWorkers } from "./protocol.js";
import { type Header, UnderWay } from "./under-way.js";
import { type RunEnds, WaitingCall } from "./waiting-call.js";

/** Milliseconds between two checks of the chunks in flight. */
const LOOK = 1_000;

/** Calls that can travel together. */
interface Group {
  readonly header: Header;
  waiting: WaitingCall[];
}

/** Sends the calls of one process. */
export class Dispatcher implements RunEnds {
  readonly #keys: ReturnType<typeof keysOf>;
  readonly #redis: Redis;
  readonly #subscriber: Redis;
  readonly #queue: Queue<Chunk>;
  readonly #capacity: Capacity;
  readonly #underWay: UnderWay;
  readonly #groups = new Map<string, Group>();
  readonly #cards = new WeakMap<object, ReturnType<typeof cardOf>>();
  #isScheduled = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(queueName: string, redis: Redis, subscriber: Redis, queue: Queue<Chunk>) {
    this.#keys = keysOf(queueName);
    this.#redis = redis;
    this.#subscriber = subscriber;
    this.#queue = queue;
    this.#capacity = new Capacity(queueName, redis, this.#keys);
    const { keys, capacity } = { keys: this.#keys, capacity: this.#capacity };
    this.#underWay = new UnderWay({ queue, redis, keys, capacity, onRoom: () => this.#schedule() });
  }

  async start(): Promise<this> {
    this.#subscriber.on("message", (_channel: string, text: string) =>
      this.#underWay.receive(JSON.parse(text) as FromWorker),
    );
    await this.#subscriber.subscribe(this.#keys.fromWorkers);
    await this.#capacity.look();
    this.#timer = setInterval(() => void this.#look().catch(ignore), LOOK);
    this.#timer.unref();
    return this;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#underWay.settle();
    await this.#queue.close();
    this.#subscriber.disconnect();
    this.#redis.disconnect();
  }

  /** Runs a call on a worker. */
  async execute(call: OpenCall): Promise<ExecutorAnswer> {
    call.job.scope.cancellation?.throwIfDraining();
    const header = this.#headerOf(call);
    const waiting = new WaitingCall(call, this);
    const isKept = call.job.scope.run.journal !== undefined;
    const wasSent = isKept && (await this.#underWay.claim(header, waiting).catch(() => false));
    if (!wasSent && !waiting.isOver) {
      this.#groupOf(header).waiting.push(waiting);
      this.#schedule();
    }
    return waiting.answer;
  }

  #headerOf({ root, runId, place, job }: OpenCall): Header {
    let card = this.#cards.get(root);
    if (card === undefined) this.#cards.set(root, (card = cardOf(root)));
    const { watch, meter } = job.scope.run;
    const reports = { isWatched: watch !== undefined, isMetered: meter !== undefined };
    return { runId, place, ...card.form, ...reports };
  }

  #groupOf(header: Header): Group {
    const key = JSON.stringify(header);
    let group = this.#groups.get(key);
    if (group === undefined) this.#groups.set(key, (group = { header, waiting: [] }));
    return group;
  }

  /** Sends the calls that gather in a turn of the event loop. */
  #schedule(): void {
    if (this.#isScheduled || this.#groups.size === 0) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#send();
    });
  }

  #send(): void {
    for (const [key, group] of this.#groups) {
      while (group.waiting.length > 0) {
        const room = this.#capacity.room();
        if (room <= 0) return;
        const size = Math.min(this.#capacity.chunkSize(group.waiting.length), room);
        const calls = this.#take(group.waiting, size).filter(({ isOver }) => !isOver);
        if (calls.length > 0) this.#underWay.send(group.header, calls);
      }
      this.#groups.delete(key);
    }
  }

  /** Takes the first calls, up to a number and to the bytes of a chunk. */
  #take(waiting: WaitingCall[], size: number): WaitingCall[] {
    let [count, bytes] = [0, 0];
    for (const { item } of waiting) {
      bytes += item.input.length + item.params.length;
      if (count === size || (count > 0 && bytes > LARGE)) break;
      count++;
    }
    return waiting.splice(0, count);
  }

  /** Called when a call is aborted, so that its answer is no longer awaited. */
  onAbort(waiting: WaitingCall): void {
    waiting.fail(waiting.reason);
    if (waiting.place === undefined) return;
    const { sent, at } = waiting.place;
    this.#publish({ chunk: sent.id, abort: [at] });
    this.#underWay.over(sent, at);
  }

  /** Called when the run drains: unsent calls are not done, and workers begin no further attempt. */
  onDrain(waiting: WaitingCall): void {
    const sent = waiting.place?.sent;
    if (sent === undefined) waiting.fail(waiting.reason);
    else if (!sent.isDraining) {
      sent.isDraining = true;
      this.#publish({ chunk: sent.id, drain: true });
    }
  }

  #publish(message: ToWorkers): void {
    this.#redis.publish(this.#keys.toWorkers, JSON.stringify(message)).catch(ignore);
  }

  async #look(): Promise<void> {
    if (this.#underWay.isEmpty && this.#groups.size === 0) return;
    await this.#capacity.look();
    await this.#underWay.look();
    this.#schedule();
  }
}

const ignore = () => {};
