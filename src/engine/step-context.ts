// The engine's side of the context that a hook gets.
import { type Cancellation, HookSignal } from "../base/cancellation.js";
import { longHash } from "../base/hash.js";
import { HELD } from "../base/keys.js";
import type { Held } from "../gate/held-slots.js";
import { backpressure, emitEvent } from "../observe/events.js";
import type { Context, Params } from "./context.js";
import type { Reservation } from "./meter.js";
import type { Named, Scope } from "./scope.js";

/** What a context needs of the grant of its call. */
interface Granted {
  readonly held: Held | undefined;
  charge(tokens: number): void;
}

/**
 * What closes a context that was asked for its signal. A worker lives long, and a pointer from it to each new
 * context is work for the garbage collector (6 % of a small item), so it gets only those that must be closed.
 */
export interface Closer {
  ctx: StepContext | undefined;
}

/** What only some contexts ever have; apart, so that the others are small: one is made for each step and item. */
class Rare {
  grant: Granted | undefined = undefined;
  reservation: Reservation | undefined = undefined;
  signal: HookSignal | undefined = undefined;
  deadline: Cancellation | undefined = undefined;
  lastError: unknown = undefined;
  abandoned = false;
}

const NOTHING_TO_AWAIT = Promise.resolve();

/** The engine's side of a {@link Context}. */
export class StepContext implements Context {
  readonly attempt: number;
  readonly index: number | undefined;
  readonly scope: Scope;
  readonly node: Named;
  /** The number of the step in its walk, from 1. */
  readonly step: number;
  readonly #closer: Closer | undefined;
  #rare: Rare | undefined = undefined;

  constructor(
    scope: Scope,
    node: Named,
    index: number | undefined,
    attempt: number,
    step: number,
    closer?: Closer,
  ) {
    this.scope = scope;
    this.node = node;
    this.index = index;
    this.attempt = attempt;
    this.step = step;
    this.#closer = closer;
  }

  get params(): Params {
    return this.scope.params;
  }

  get runId(): string {
    return this.scope.run.id;
  }

  get key(): string {
    return this.scope.keyOf(this.node, this.step, this.index);
  }

  get idempotencyKey(): string {
    return longHash(JSON.stringify([this.runId, this.key]));
  }

  get lastError(): unknown {
    return this.#rare?.lastError;
  }

  get cancellation(): Cancellation | undefined {
    return this.#rare?.deadline ?? this.scope.cancellation;
  }

  get reservation(): Reservation | undefined {
    return this.#rare?.reservation;
  }

  get [HELD](): Held | undefined {
    const grant = this.#rare?.grant;
    return grant === undefined ? this.scope.run.held : grant.held;
  }

  get signal(): AbortSignal {
    this.#rare ??= new Rare();
    this.#rare.signal ??= new HookSignal(this.cancellation);
    if (this.#closer !== undefined) this.#closer.ctx = this;
    return this.#rare.signal.signal;
  }

  get emit(): (data: unknown) => Promise<void> {
    return (data) => {
      const { run } = this.scope;
      if (!run.hasListeners || this.#isOver) return NOTHING_TO_AWAIT;
      const event = {
        type: "data",
        ...this.scope.eventFields(this.node, undefined, this.index),
        data,
      } as const;
      const waits: Promise<void>[] = [];
      for (let each: typeof run | undefined = run; each !== undefined; each = each.outer) {
        if (each.events === undefined || each.over) continue;
        emitEvent(each.events, event);
        const wait = backpressure(each.events, this.cancellation);
        if (wait !== undefined) waits.push(wait);
      }
      return waits.length > 1 ? Promise.all(waits).then(() => {}) : (waits[0] ?? NOTHING_TO_AWAIT);
    };
  }

  get charge(): (tokens: number) => void {
    return (tokens) => {
      if (this.#isOver) return;
      this.#rare?.grant?.charge(tokens);
      this.#rare?.reservation?.charge(tokens);
    };
  }

  /** A context for the same attempt, made again after a vendor refused its call. */
  renew(): StepContext {
    const { scope, node, index, attempt, step } = this;
    const made = new StepContext(scope, node, index, attempt, step);
    if (attempt > 0) made.follows(this.lastError);
    return made;
  }

  /** Ties the context to the slots and tokens of one call through its gates. */
  hold(grant: Granted): void {
    this.#rare ??= new Rare();
    this.#rare.grant = grant;
  }

  /** Ties the context to what the run's budget has reserved for its call. */
  reserve(reservation: Reservation): void {
    this.#rare ??= new Rare();
    this.#rare.reservation = reservation;
  }

  /** Puts the attempt on a level of cancellation of its own. */
  limit(deadline: Cancellation): void {
    this.#rare ??= new Rare();
    this.#rare.deadline = deadline;
  }

  /** Notes what the attempt before threw. */
  follows(error: unknown): void {
    this.#rare ??= new Rare();
    this.#rare.lastError = error;
  }

  get #isOver(): boolean {
    return this.#rare?.abandoned === true || this.scope.run.over || this.cancellation?.abandoning === true;
  }

  /** Ends the attempt: its signal follows the run no longer. */
  close(abandoned = false): void {
    if (abandoned) (this.#rare ??= new Rare()).abandoned = true;
    this.#rare?.signal?.close();
  }
}
