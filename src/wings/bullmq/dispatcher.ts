// The coordinator's side of a fleet: gathers calls into chunks, sends them, and takes back what they come to.
import { randomUUID } from "node:crypto";
import type { Queue } from "bullmq";
import type { Redis } from "ioredis";
import { type ExecutorAnswer, SluiceError } from "sluice";
import { NODE, type OpenCall, quote, type Step } from "sluice/internal";
import { decode, encode, problemOf } from "../shared/plain-data.js";
import { Capacity } from "./capacity.js";
import { cardOf } from "./flow-card.js";
import {
  type Chunk,
  type ChunkItem,
  type FromWorker,
  type ItemOutcome,
  keysOf,
  LARGE,
  LARGEST,
  type ToWorkers,
} from "./protocol.js";
import { readError } from "./sent-error.js";

/** How often what is under way is looked at, in ms: messages are a hint. */
const LOOK = 1_000;

/** A call that waits for its answer. */
interface Waiting {
  readonly call: OpenCall;
  readonly item: ChunkItem;
  resolve(answer: ExecutorAnswer | Promise<ExecutorAnswer>): void;
  reject(error: unknown): void;
  /** Takes its listeners off the call's signals. */
  release(): void;
}

/** Calls that can travel together. */
interface Group {
  readonly header: Omit<Chunk, "items">;
  readonly waiting: Waiting[];
}

/** A chunk under way. */
interface Sent {
  readonly id: string;
  readonly data: Chunk;
  /** By index; a call that is over leaves a hole. */
  readonly waiting: (Waiting | undefined)[];
  left: number;
  /** Whether a message has come since it was last looked at. */
  isHeard: boolean;
}

/** Sends calls and settles them. */
export class Dispatcher {
  readonly #keys: ReturnType<typeof keysOf>;
  readonly #redis: Redis;
  readonly #subscriber: Redis;
  readonly #queue: Queue<Chunk>;
  readonly #capacity: Capacity;
  readonly #groups = new Map<string, Group>();
  readonly #sent = new Map<string, Sent>();
  readonly #cards = new WeakMap<object, ReturnType<typeof cardOf>>();
  #isScheduled = false;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(queueName: string, redis: Redis, subscriber: Redis, queue: Queue<Chunk>) {
    this.#keys = keysOf(queueName);
    this.#redis = redis;
    this.#subscriber = subscriber;
    this.#queue = queue;
    this.#capacity = new Capacity(queueName, redis, this.#keys);
  }

  async start(): Promise<this> {
    this.#subscriber.on("message", (_channel: string, text: string) => this.#hear(JSON.parse(text)));
    await this.#subscriber.subscribe(this.#keys.fromWorkers);
    await this.#capacity.look();
    this.#timer = setInterval(() => void this.#look().catch(() => {}), LOOK);
    this.#timer.unref();
    return this;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#queue.close();
    this.#subscriber.disconnect();
    this.#redis.disconnect();
  }

  /** Makes a call on a worker. */
  execute(call: OpenCall): Promise<ExecutorAnswer> {
    const { signal, drain } = call;
    if (drain.aborted) return Promise.reject(drain.reason);
    const item = itemOf(call);
    const group = this.#groupOf(call);
    return new Promise((resolve, reject) => {
      const onAbort = () => this.#abandon(group, waiting);
      const onDrain = () => this.#drain(group, waiting);
      const release = () => {
        signal.removeEventListener("abort", onAbort);
        drain.removeEventListener("abort", onDrain);
      };
      const waiting: Waiting = { call, item, resolve, reject, release };
      signal.addEventListener("abort", onAbort);
      drain.addEventListener("abort", onDrain);
      group.waiting.push(waiting);
      this.#schedule();
    });
  }

  #groupOf({ root, runId, place, job }: OpenCall): Group {
    let card = this.#cards.get(root);
    if (card === undefined) this.#cards.set(root, (card = cardOf(root)));
    const { graph, flow, version } = card;
    const key = JSON.stringify([runId, place, graph.fingerprint, version]);
    let group = this.#groups.get(key);
    if (group === undefined) {
      const { watch, meter } = job.scope.run;
      const about = { isWatched: watch !== undefined, isMetered: meter !== undefined };
      group = { header: { runId, place, flow, graph: graph.fingerprint, version, ...about }, waiting: [] };
      this.#groups.set(key, group);
    }
    return group;
  }

  /** Sends what gathers in a turn of the event loop. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#send();
    });
  }

  #send(): void {
    for (const [key, group] of this.#groups) {
      const { waiting, header } = group;
      while (waiting.length > 0) {
        const room = this.#capacity.room();
        if (room <= 0) return;
        const size = Math.min(this.#capacity.chunkSize(waiting.length), room);
        const items: Waiting[] = [];
        for (let bytes = 0; items.length < size && waiting.length > 0; ) {
          const next = waiting[0] as Waiting;
          bytes += next.item.input.length + next.item.params.length;
          if (items.length > 0 && bytes > LARGE) break;
          items.push(waiting.shift() as Waiting);
        }
        const data: Chunk = { ...header, items: items.map(({ item }) => item) };
        const sent: Sent = { id: randomUUID(), data, waiting: items, left: items.length, isHeard: true };
        this.#capacity.queued += items.length;
        this.#sent.set(sent.id, sent);
        void this.#add(sent);
      }
      this.#groups.delete(key);
    }
  }

  async #add({ id, data }: Sent): Promise<void> {
    this.#capacity.expect(data);
    try {
      await this.#queue.add(data.place, data, { jobId: id });
    } catch {
      // Redis is away: the next look finds that there is no such job, and adds it.
    }
  }

  #hear({ chunk, outcomes = [], emitted = [] }: FromWorker): void {
    const sent = this.#sent.get(chunk);
    if (sent === undefined) return;
    sent.isHeard = true;
    for (const [at, data] of emitted) void sent.waiting[at]?.call.emit(decode(data));
    for (const [at, outcome] of outcomes) this.#settle(sent, at, outcome);
  }

  #settle(sent: Sent, at: number, outcome: ItemOutcome): void {
    const waiting = sent.waiting[at];
    if (waiting === undefined) return;
    this.#capacity.took(outcome.took);
    this.#answer(waiting, outcome);
    this.#over(sent, at);
  }

  /** A call of a chunk is over. */
  #over(sent: Sent, at: number): void {
    sent.waiting[at]?.release();
    sent.waiting[at] = undefined;
    this.#capacity.queued--;
    if (--sent.left === 0) {
      this.#sent.delete(sent.id);
      // Later: a journal writes the last result down before it is forgotten here.
      setImmediate(() => void this.#forget(sent).catch(() => {}));
    }
    this.#schedule();
  }

  async #forget({ id, data }: Sent): Promise<void> {
    const large = data.items.map((_item, at) => this.#keys.large(id, at));
    await this.#redis.del(this.#keys.results(id), ...(large.length > 100 ? [] : large));
    await this.#queue.remove(id); // one that its worker has not ended yet is forgotten by its age
  }

  #answer({ call, resolve, reject }: Waiting, outcome: ItemOutcome): void {
    const { kind, value, large, error, attempts, charged, machine } = outcome;
    const reports =
      typeof attempts === "number"
        ? attempts
        : attempts.map(({ error, ...report }) =>
            error === undefined ? report : { ...report, error: readError(error) },
          );
    const details = { attempts: reports, charged, machine };
    if (kind === "asks") resolve(call.local());
    else if (kind === "undone")
      reject(new SluiceError("WORKER_DIED", "The call was not made, for its run ends"));
    else if (kind === "died") resolve(call.fallback(this.#died(call, outcome)));
    else if (kind === "error") resolve({ ...details, error: readError(error ?? {}) });
    else if (large !== undefined)
      resolve(this.#fetch(large).then((text) => ({ ...details, value: decode(text) })));
    else resolve({ ...details, value: decode(value as string) });
  }

  async #fetch(key: string): Promise<string> {
    const text = await this.#redis.get(key);
    if (text === null) throw new SluiceError("WORKER_DIED", `The result under ${key} is gone from Redis`);
    await this.#redis.del(key);
    return text;
  }

  #died(call: OpenCall, { attempts }: ItemOutcome): SluiceError {
    if (onceOf(call)) {
      const text = `${quote(call.name)} was interrupted at ${call.key}, for its worker died, and may have been done: with \`atMostOnce\` it is not called again; decide in execFallback()`;
      return new SluiceError("INTERRUPTED", text);
    }
    return new SluiceError(
      "WORKER_DIED",
      `${quote(call.name)}: the call ${call.key} was under way ${attempts} times when its worker died, and is not made again; look for what it does to the process (memory, a native crash, process.exit)`,
    );
  }

  /** The call is aborted: it is waited for no more. */
  #abandon(group: Group, waiting: Waiting): void {
    this.#withdraw(group, waiting, waiting.call.signal.reason, (sent, at) => {
      this.#tell({ chunk: sent.id, abort: [at] });
      this.#over(sent, at);
    });
  }

  /** The run drains: what was not sent is left undone, and workers begin no attempt. */
  #drain(group: Group, waiting: Waiting): void {
    this.#withdraw(
      group,
      waiting,
      waiting.call.drain.reason,
      (sent, at) => {
        if (sent.waiting.findIndex((each) => each !== undefined) === at)
          this.#tell({ chunk: sent.id, drain: true });
      },
      false,
    );
  }

  #withdraw(
    { waiting: unsent }: Group,
    waiting: Waiting,
    reason: unknown,
    onSent: (sent: Sent, at: number) => void,
    rejects = true,
  ): void {
    const place = unsent.indexOf(waiting);
    if (place !== -1) {
      unsent.splice(place, 1);
      waiting.release();
      waiting.reject(reason);
      return;
    }
    for (const sent of this.#sent.values()) {
      const at = sent.waiting.indexOf(waiting);
      if (at === -1) continue;
      if (rejects) waiting.reject(reason);
      onSent(sent, at);
      return;
    }
  }

  #tell(message: ToWorkers): void {
    this.#redis.publish(this.#keys.toWorkers, JSON.stringify(message)).catch(() => {});
  }

  /** Looks at the workers, and at chunks that were not heard of: a message may be lost, or Redis emptied. */
  async #look(): Promise<void> {
    if (this.#sent.size === 0 && this.#groups.size === 0) return;
    await this.#capacity.look();
    for (const sent of [...this.#sent.values()]) {
      if (sent.isHeard) {
        sent.isHeard = false;
        continue;
      }
      const known = await this.#redis.hgetall(this.#keys.results(sent.id));
      for (const [field, text] of Object.entries(known)) {
        if (/^\d+$/.test(field)) this.#settle(sent, Number(field), JSON.parse(text) as ItemOutcome);
      }
      if (sent.left === 0) continue;
      const state = await this.#queue.getJobState(sent.id);
      if (state === "completed" || state === "failed") await this.#queue.remove(sent.id);
      else if (state !== "unknown") continue;
      if (this.#sent.has(sent.id)) await this.#add(sent);
    }
    this.#schedule();
  }
}

const onceOf = ({ job }: OpenCall): boolean =>
  ((job.node as unknown as Step)[NODE].options as { readonly atMostOnce?: boolean }).atMostOnce === true;

/** @throws SluiceError `NOT_SERIALIZABLE`, `RESULT_TOO_LARGE`. */
function itemOf(call: OpenCall): ChunkItem {
  const { key, identity, path, index, params, input, place } = call;
  const problem = problemOf(input) ?? problemOf(params);
  if (problem !== undefined) {
    const text = `${place}: expected an input and params that are plain data, got ${problem}; they have to travel to a worker`;
    throw new SluiceError("NOT_SERIALIZABLE", text);
  }
  const text = encode(input);
  if (text.length > LARGEST) {
    const message = `${place}: an input of ${text.length} characters is too large to travel (at most ${LARGEST}); store it where workers can read it, and hand over its name`;
    throw new SluiceError("RESULT_TOO_LARGE", message);
  }
  return {
    key,
    identity,
    path: [...path],
    index,
    params: encode({ ...params }),
    input: text,
    once: onceOf(call),
  };
}
