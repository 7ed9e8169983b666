// How much a fleet can do: its workers, how long calls take, and so how many go together.
import type { Redis } from "ioredis";
import { warn } from "sluice/internal";
import { isSameForm, showForm } from "./flow-card.js";
import type { FlowForm, keysOf, WorkerCard } from "./protocol.js";

/** Milliseconds of work in a chunk. */
const CHUNK_WORK = 1_000;
/** After so many ms without a worker that could take a call there is a warning. */
const PATIENCE = 60_000;
/** The concurrency of a worker, while none is known. */
const USUAL = 16;

/** A form of a flow whose calls are waited for, and since when there is no worker for it. */
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
  /** Milliseconds that a call takes; written by `took`. */
  #usual: number | undefined;
  /** Calls that were sent and are not over; counted by the dispatcher. */
  queued = 0;
  readonly #expected: Expected[] = [];
  readonly #warned = new Set<string>();

  constructor(queueName: string, redis: Redis, keys: ReturnType<typeof keysOf>) {
    this.#queueName = queueName;
    this.#redis = redis;
    this.#keys = keys;
  }

  /** A call has taken so many ms at its worker. */
  took(ms: number): void {
    this.#usual = this.#usual === undefined ? ms : this.#usual * 0.9 + ms * 0.1;
  }

  /** Calls of this form of a flow are waited for. */
  expect({ flow, graph, version }: FlowForm): void {
    const form = { flow, graph, version };
    if (!this.#expected.some((each) => isSameForm(each.form, form)))
      this.#expected.push({ form, since: undefined });
  }

  get #slots(): number {
    return this.#workers.reduce((total, { concurrency }) => total + concurrency, 0) || USUAL;
  }

  /** Calls that one slot makes in the time of a chunk. */
  get #perSlot(): number {
    if (this.#usual === undefined) return 1;
    return Math.min(1_000, Math.max(1, Math.round(CHUNK_WORK / Math.max(this.#usual, 0.01))));
  }

  /** How many calls may be sent now: about twice what the fleet has at work is queued. */
  room(): number {
    return 2 * this.#slots * this.#perSlot - this.queued;
  }

  /** How many calls go together. */
  chunkSize(waiting: number): number {
    const workers = Math.max(1, this.#workers.length);
    const fair = Math.ceil((waiting + this.queued) / (2 * workers));
    const work = Math.max(1, Math.floor(this.#perSlot * (this.#slots / workers)));
    // As long as nothing is known of them, a few at a time: they may be long.
    return this.#usual === undefined
      ? Math.min(4, fair)
      : Math.max(1, Math.min(fair, work > USUAL ? work : this.#perSlot));
  }

  /** Looks for workers, and warns where none can take what is waited for. */
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
