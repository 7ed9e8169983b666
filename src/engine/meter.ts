// The spending of a run: calls and tokens are reserved before each call, settled after it, and limited by the budget.
import { type Cancellation, waitFor } from "../base/cancellation.js";
import { now } from "../base/clock.js";
import { SluiceError, show } from "../base/errors.js";
import { anAmount, isAmount, UNLIMITED } from "../base/options.js";
import { emitEvent, type Listeners, listensTo } from "../observe/events.js";
import type { BudgetOptions } from "./budget.js";

/** The part of a run that its meter uses. */
interface Metered {
  readonly id: string;
  readonly events: Listeners | undefined;
  readonly outer: { readonly meter: Meter | undefined } | undefined;
  /** The call in whose `exec` the run was started. */
  readonly host: Reservation | undefined;
  halt(reason: unknown, when: "drained"): unknown;
}

/** A call that waits for tokens that other calls may return. */
interface Waiter {
  readonly tokens: number;
  admit(): void;
}

/** The meter of a run with a budget or a listener for `usage`; otherwise that of the outer run, if any. */
export function meterFor(run: Metered, budget: BudgetOptions | undefined): Meter | undefined {
  const outer = run.outer?.meter;
  return budget !== undefined || listensTo(run.events, "usage") ? new Meter(run, outer, budget) : outer;
}

/** Counts the spending of a run, and delays calls that exceed its budget. */
class Meter {
  readonly #run: Metered;
  readonly #budget: Required<Record<keyof BudgetOptions, number>>;
  /** The meter of the outer run, which counts too. */
  readonly #outer: Meter | undefined;
  /** Calls that are reserved or spent. */
  #calls = 0;
  #tokens = 0;
  /** The usage of calls that have ended. */
  readonly #used = { calls: 0, tokens: 0 };
  /** Calls in flight with a waiting inner call: they return no tokens before it. */
  #blocked = 0;
  readonly #waiters = new Set<Waiter>();

  /** The usage of the run, by calls that have ended. */
  get used(): { readonly calls: number; readonly tokens: number } {
    return this.#used;
  }

  /** Adds the earlier usage of the run. */
  restore(calls: number, tokens: number): void {
    this.#calls += calls;
    this.#tokens += tokens;
    this.#used.calls += calls;
    this.#used.tokens += tokens;
    if (calls > 0) this.#report({ path: [], index: undefined, at: now(), parent: undefined });
  }

  #report(fields: Omit<UsageFields, "runId">): void {
    const { events, id } = this.#run;
    if (listensTo(events, "usage")) {
      emitEvent(events, { type: "usage", ...fields, runId: id, ...this.#used });
    }
  }

  constructor(run: Metered, outer: Meter | undefined, budget: BudgetOptions = {}) {
    this.#run = run;
    this.#outer = outer;
    const { tokens = UNLIMITED, calls = UNLIMITED } = budget;
    this.#budget = { tokens, calls };
  }

  /**
   * Reserves one call and its tokens, here and in the outer runs. It waits while the call does not fit and calls in
   * flight may return tokens; a drain or an abort ends the wait with its reason.
   *
   * @param eventFields - The fields of the `usage` event beside the totals.
   * @param host - The call in whose `exec` this one is made.
   */
  async reserve(
    tokens: number,
    cancellation: Cancellation | undefined,
    eventFields: () => UsageFields,
    host = this.#run.host,
  ): Promise<Reservation> {
    if (this.#waiters.size > 0 || !this.#fits(tokens)) await this.#wait(tokens, cancellation, host);
    else this.#take(tokens);
    try {
      const outer = await this.#outer?.reserve(tokens, cancellation, eventFields, host);
      return new Reservation(this, tokens, outer, eventFields, host);
    } catch (error) {
      this.settle(tokens, undefined, eventFields);
      throw error;
    }
  }

  #fits(tokens: number): boolean {
    return this.#calls < this.#budget.calls && this.#tokens + tokens <= this.#budget.tokens;
  }

  #take(tokens: number): void {
    this.#calls++;
    this.#tokens += tokens;
  }

  async #wait(
    tokens: number,
    cancellation: Cancellation | undefined,
    host: Reservation | undefined,
  ): Promise<void> {
    const hosts = [...hostsOf(host)].filter((each) => each.meter === this);
    for (const each of hosts) if (each.waits++ === 0) this.#blocked++;
    try {
      await waitFor<void>(cancellation, (resolve) => {
        const waiter: Waiter = {
          tokens,
          admit: () => {
            this.#waiters.delete(waiter);
            this.#take(tokens);
            resolve();
          },
        };
        this.#waiters.add(waiter);
        // Later, because the wait must be set up before the halt ends it.
        queueMicrotask(() => this.#admit());
        return () => this.#waiters.delete(waiter);
      });
    } finally {
      for (const each of hosts) if (--each.waits === 0 && !each.ended) this.#blocked--;
    }
  }

  /** Admits waiting calls in order, and ends the run if the first one can never start. */
  #admit(): void {
    for (const waiter of this.#waiters) {
      if (!this.#fits(waiter.tokens)) {
        const inFlight = this.#calls - this.#used.calls;
        if (inFlight === this.#blocked) this.#run.halt(this.#spent(waiter.tokens), "drained");
        return;
      }
      waiter.admit();
    }
  }

  #spent(tokens: number): SluiceError {
    const { calls, tokens: most } = this.#budget;
    const limits: string[] = [];
    if (most !== UNLIMITED) limits.push(`${most} tokens, of which ${rounded(this.#tokens)} are spent`);
    if (calls !== UNLIMITED) limits.push(`${calls} calls, of which ${this.#calls} are made`);
    const next = tokens > 0 ? `a call of ${rounded(tokens)} tokens` : "a call";
    return new SluiceError(
      "BUDGET_SPENT",
      `The budget of the run is spent: it has ${limits.join(" and ")}, and ${next} is next; raise \`budget\`, or run what is left later`,
    );
  }

  /** A call with a waiting inner call has ended without it. */
  unblock(): void {
    this.#blocked--;
  }

  /**
   * Settles a call with its cost; `undefined` returns the reservation of a call that did not happen.
   *
   * @param calls - The number of further calls of `exec` in another process.
   */
  settle(reserved: number, cost: number | undefined, eventFields: () => UsageFields, calls = 1): void {
    this.#tokens += (cost ?? 0) - reserved;
    if (cost === undefined) this.#calls--;
    else {
      this.#calls += calls - 1;
      this.#used.calls += calls;
      this.#used.tokens += cost;
      if (listensTo(this.#run.events, "usage")) this.#report(eventFields());
    }
    this.#admit();
  }
}

export type { Meter };

/** A sum without the error of adding fractions, for messages. */
const rounded = (amount: number): number => Number(amount.toPrecision(12));

/** The fields of every event. */
export interface UsageFields {
  readonly runId: string;
  readonly path: readonly (string | number)[];
  readonly index: number | undefined;
  readonly at: number;
  readonly parent: number | undefined;
}

/** A call, the call in whose `exec` it is made, and so on outwards, with the reservation of each in outer runs. */
function* hostsOf(host: Reservation | undefined): Generator<Reservation> {
  for (let each = host; each !== undefined; each = each.host) {
    for (let level: Reservation | undefined = each; level !== undefined; level = level.outer) yield level;
  }
}

/** The reservation of one call. */
export class Reservation {
  /** The number of calls in its `exec` that wait for the budget; written by the meter. */
  waits = 0;
  ended = false;
  /** The reservation of the same call in the outer run. */
  readonly outer: Reservation | undefined;
  /** The call in whose `exec` this one is made. */
  readonly host: Reservation | undefined;
  readonly meter: Meter;
  readonly #tokens: number;
  readonly #eventFields: () => UsageFields;
  /** The charged tokens; written by `charge`. */
  #charged: number | undefined;

  constructor(
    meter: Meter,
    tokens: number,
    outer: Reservation | undefined,
    eventFields: () => UsageFields,
    host: Reservation | undefined,
  ) {
    this.meter = meter;
    this.#tokens = tokens;
    this.outer = outer;
    this.host = host;
    this.#eventFields = eventFields;
  }

  /** Adds to the actual cost of the call. @throws SluiceError `INVALID_COST`. */
  charge(tokens: number): void {
    if (!isAmount(tokens)) {
      const text = `charge(): expected tokens as ${anAmount.expected}, got ${show(tokens)}`;
      throw new SluiceError("INVALID_COST", text);
    }
    this.#charged = (this.#charged ?? 0) + tokens;
    this.outer?.charge(tokens);
  }

  /** Ends the reservation, once: a call that was made keeps it unless it charged; otherwise it is returned. */
  end(wasMade: boolean, calls?: number): void {
    if (this.ended) return;
    this.ended = true;
    if (this.waits > 0) this.meter.unblock();
    const cost = wasMade ? (this.#charged ?? this.#tokens) : undefined;
    this.meter.settle(this.#tokens, cost, this.#eventFields, calls);
    this.outer?.end(wasMade, calls);
  }
}
