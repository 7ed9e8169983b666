// The capacity of a fleet: its workers and the duration of calls, which determine the size of chunks.
import type { Redis } from "ioredis";
import { warn } from "sluice/internal";
import { isSameForm, showForm } from "./flow-card.js";
import type { FlowForm, keysOf, WorkerCard } from "./protocol.js";

/** Milliseconds of work in a chunk. */
const CHUNK_WORK = 1_000;
/** Milliseconds without a suitable worker after which there is a warning. */
const PATIENCE = 60_000;
/** The assumed concurrency while no worker is known. */
const USUAL = 16;

/** A form of a flow with pending calls, and since when it has no worker. */
interface Expected {
  readonly form: FlowForm;
  since: number | undefined;
}

/** Watches the workers of one queue. */
export class Capacity {
  readonly #queueName: string;
  readonly #redis: Redis;
  readonly #keys: ReturnType<typeof keysOf>;
  #workers: readonly WorkerCard[] = [];
  /** The average milliseconds of a call; written by `took`. */
  #usual: number | undefined;
  /** The number of calls that were sent and have not ended; written by the dispatcher. */
  queued = 0;
  readonly #expected: Expected[] = [];
  readonly #warned = new Set<string>();

  constructor(queueName: string, redis: Redis, keys: ReturnType<typeof keysOf>) {
    this.#queueName = queueName;
    this.#redis = redis;
    this.#keys = keys;
  }

  /** Records the milliseconds that a call took at its worker. */
  took(ms: number): void {
    this.#usual = this.#usual === undefined ? ms : this.#usual * 0.9 + ms * 0.1;
  }

  /** Records that calls of this form of a flow are pending. */
  expect({ flow, graph, version }: FlowForm): void {
    const form = { flow, graph, version };
    if (!this.#expected.some((each) => isSameForm(each.form, form)))
      this.#expected.push({ form, since: undefined });
  }

  get #slots(): number {
    return this.#workers.reduce((total, { concurrency }) => total + concurrency, 0) || USUAL;
  }

  /** The calls that one slot makes in the time of a chunk. */
  get #perSlot(): number {
    if (this.#usual === undefined) return 1;
    return Math.min(1_000, Math.max(1, Math.round(CHUNK_WORK / Math.max(this.#usual, 0.01))));
  }

  /** The number of calls that may be sent now: the queue has about twice the running calls of the fleet. */
  room(): number {
    return 2 * this.#slots * this.#perSlot - this.queued;
  }

  /** The number of calls per chunk. */
  chunkSize(waiting: number): number {
    const workers = Math.max(1, this.#workers.length);
    const fair = Math.ceil((waiting + this.queued) / (2 * workers));
    const work = Math.max(1, Math.floor(this.#perSlot * (this.#slots / workers)));
    // Few at first, because calls of unknown duration may be long.
    return this.#usual === undefined
      ? Math.min(4, fair)
      : Math.max(1, Math.min(fair, work > USUAL ? work : this.#perSlot));
  }

  /** Reads the known workers, and warns if none takes the pending calls. */
  async look(): Promise<void> {
    const ids = await this.#redis.smembers(this.#keys.workers);
    const cards = ids.length === 0 ? [] : await this.#redis.mget(ids.map((id) => this.#keys.card(id)));
    const gone = ids.filter((_id, at) => cards[at] === null);
    if (gone.length > 0) await this.#redis.srem(this.#keys.workers, ...gone);
    this.#workers = cards.flatMap((text) => (text ? [JSON.parse(text) as WorkerCard] : []));
    for (const expected of this.#expected) this.#check(expected);
  }

  #check(expected: Expected): void {
    const { form } = expected;
    const takes = ({ forms }: WorkerCard) => forms.some((each) => isSameForm(each, form));
    for (const card of this.#workers) {
      const other = card.forms.find(({ flow }) => flow === form.flow);
      if (other === undefined || takes(card) || this.#warned.has(card.id)) continue;
      this.#warned.add(card.id);
      const text = `The worker ${card.machine} has ${showForm(other)}, this process has ${showForm(form)}, and the worker takes none of its calls; start both with the same code`;
      warn("SLUICE_GRAPH_DIFFERS", text);
    }
    if (this.queued === 0 || this.#workers.some(takes)) {
      expected.since = undefined;
      return;
    }
    const now = performance.now();
    expected.since ??= now;
    const name = showForm(form);
    if (now - expected.since < PATIENCE || this.#warned.has(name)) return;
    this.#warned.add(name);
    const text = `For ${PATIENCE / 1_000} s no worker of the queue ${this.#queueName} takes calls of ${form.flow}; start one: npx sluice worker <module>, or fleet.work(flow)`;
    warn("SLUICE_NO_WORKER", text);
  }
}
