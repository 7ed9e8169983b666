// Gathers calls: decides which batch a call joins, and when a batch is sent. DataLoader keeps the calls of a batch and
// distributes the results.
import type DataLoader from "dataloader";
import type { Gate } from "sluice";
import { HELD, type Held, isAmount, SluiceError, show, slotOf } from "sluice/internal";
import { missingPeer } from "../shared/missing-peer.js";
import { onAbort } from "../shared/on-abort.js";
import { Batch, type Entry } from "./batch.js";

/** The function of many items. */
export type Many = (
  items: readonly unknown[],
  ctx: { readonly signal: AbortSignal; readonly charge: (tokens: number) => void },
) => unknown;

/** Checked options. */
export interface Settings {
  readonly label: string;
  readonly maxSize: number;
  readonly maxCost: number;
  readonly maxWait: number;
  readonly cost: ((item: unknown) => number) | undefined;
  readonly gate: Gate | undefined;
  readonly signal: AbortSignal | undefined;
}

/** The options of a call, or the context of a hook, which has its slots. */
export interface Caller {
  readonly signal?: AbortSignal | undefined;
  readonly [HELD]?: Held | undefined;
}

type Loader = DataLoader<Entry, unknown>;

/** The weight of the newest gap in the average gap between two calls. */
const NEWEST = 0.2;

/** Gathers single calls into calls of one function. */
export class Batcher {
  readonly #many: Many;
  readonly #settings: Settings;
  #loader: Loader | undefined;
  #loading: Promise<Loader> | undefined;
  /** The gathering batch. */
  #open: Batch | undefined;
  /** Calls in flight. */
  #out = 0;
  /** The average time between two single calls, in ms. */
  #gap = Number.POSITIVE_INFINITY;
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor(many: Many, settings: Settings) {
    this.#many = many;
    this.#settings = settings;
  }

  /** Adds a call, and resolves with its result. */
  async add(item: unknown, call: Caller = {}): Promise<unknown> {
    const loader = this.#loader ?? (await (this.#loading ??= this.#load()));
    const signals = [call.signal, this.#settings.signal].filter((each) => each !== undefined);
    for (const each of signals) each.throwIfAborted();
    const entry: Entry = { item, cost: this.#costOf(item), held: this.#heldBy(call), batch: undefined };
    const { maxCost, maxSize } = this.#settings;
    const open = this.#open;
    if (open !== undefined && open.cost + entry.cost > maxCost) this.#sendNow(open);
    // The batch waits for a slot that this caller may hold until it has its result.
    else if (open?.sent && !open.borrows && entry.held !== undefined) open.close();
    this.#measure();
    const loaded = loader.load(entry);
    const batch = this.#open as Batch; // DataLoader has created one, if there was none
    batch.join(entry);
    const outcome = signals.length === 0 ? loaded : this.#until(signals, loaded, batch, entry);
    if (batch.waiting.size >= maxSize || batch.cost >= maxCost) this.#sendNow(batch);
    else this.#plan(batch);
    return await outcome;
  }

  /** Waits for a result, or leaves the batch at an abort. */
  #until(
    signals: readonly AbortSignal[],
    loaded: Promise<unknown>,
    batch: Batch,
    entry: Entry,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const offs = signals.map((signal) =>
        onAbort(signal, () => {
          reject(signal.reason);
          batch.leave(entry, signal.reason);
          if (batch.waiting.size === 0) this.#send(batch);
        }),
      );
      const off = () => {
        for (const each of offs) each();
      };
      loaded.then(resolve, reject).then(off);
    });
  }

  /** Sends at once if waiting is pointless: no call in flight can return, or calls are rare. */
  #plan(batch: Batch): void {
    const { maxWait } = this.#settings;
    if (batch.sent) return; // waits at the gate
    if (this.#out === 0 || this.#gap > maxWait) batch.goSoon(maxWait, () => this.#send(batch));
    else batch.goAfter(maxWait, () => this.#send(batch));
  }

  #sendNow(batch: Batch): void {
    batch.close();
    this.#send(batch);
  }

  /** Starts the call. At a gate the batch continues to gather until it is admitted, or full. */
  #send(batch: Batch): void {
    if (batch.sent) return;
    batch.sent = true;
    this.#out++;
    const { gate } = this.#settings;
    const { signal } = batch.controller;
    const reserved = batch.cost;
    const call = async (ctx: Parameters<Many>[1]) => {
      batch.close();
      const { cost } = batch;
      let charged = false;
      const charge = (tokens: number) => {
        charged = true;
        ctx.charge(tokens);
      };
      try {
        return await this.#call(batch, { signal: ctx.signal, charge });
      } finally {
        if (!charged && cost !== reserved) ctx.charge(cost); // callers may have joined or left at the gate
      }
    };
    const lender = [...batch.waiting].find(({ held }) => held !== undefined && slotOf(gate as Gate, held));
    batch.borrows = lender !== undefined;
    // Only the slots of its context, because an abort of the lender must not abort the batch.
    const ctx = lender && ({ [HELD]: lender.held } as never);
    const work =
      gate === undefined ? call({ signal, charge() {} }) : gate.run(call, { tokens: reserved, signal, ctx });
    work
      .finally(() => batch.close())
      .then(batch.settle, batch.fail)
      .then(() => {
        this.#out--;
        // A caller that was just answered may call again in this turn.
        const next = this.#open;
        if (this.#out === 0 && next !== undefined && !next.sent)
          next.goSoon(this.#settings.maxWait, () => this.#send(next));
      });
  }

  /** The slots of a caller, if it holds one of the gate. */
  #heldBy(call: Caller): Held | undefined {
    const { gate } = this.#settings;
    const held = call[HELD];
    return gate !== undefined && slotOf(gate, held) !== undefined ? held : undefined;
  }

  async #call(batch: Batch, ctx: Parameters<Many>[1]): Promise<Map<Entry, unknown>> {
    const entries = [...batch.waiting];
    if (entries.length === 0) return new Map();
    const results = await this.#many(
      entries.map(({ item }) => item),
      ctx,
    );
    if (Array.isArray(results) && results.length === entries.length) {
      return new Map(entries.map((entry, at) => [entry, results[at]]));
    }
    const got = Array.isArray(results) ? `${results.length}` : show(results);
    throw new SluiceError(
      "WRONG_RESULT_COUNT",
      `${this.#settings.label}: expected an array of ${entries.length} results, one for each item in its order, got ${got}; where an item fails, put an Error in its place`,
    );
  }

  #costOf(item: unknown): number {
    const cost = this.#settings.cost?.(item) ?? 0;
    if (isAmount(cost)) return cost;
    throw new SluiceError(
      "INVALID_COST",
      `${this.#settings.label}: expected cost() to return a finite number of 0 or more, got ${show(cost)}`,
    );
  }

  #measure(): void {
    const now = performance.now();
    const gap = now - this.#lastAt;
    this.#gap = this.#gap === Number.POSITIVE_INFINITY ? gap : this.#gap + NEWEST * (gap - this.#gap);
    this.#lastAt = now;
  }

  async #load(): Promise<Loader> {
    const { default: Loader } = await import("dataloader").catch((error) => {
      this.#loading = undefined;
      throw missingPeer("sluice/batching", "dataloader", error);
    });
    const gather = async (entries: readonly Entry[]) => {
      const results = await entries[0]?.batch?.results;
      return entries.map((entry) => results?.get(entry));
    };
    const batchScheduleFn = (dispatch: () => void) => {
      this.#open = new Batch(() => {
        this.#open = undefined;
        dispatch();
      });
    };
    const loader: Loader = new Loader(gather, { cache: false, batchScheduleFn });
    this.#loader = loader;
    return loader;
  }
}
