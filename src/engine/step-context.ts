// The implementation of hook contexts.
import type { Cancellation } from "../base/cancellation.js";
import { longHash } from "../base/hash.js";
import { HookSignal } from "../base/hook-signal.js";
import { HELD } from "../base/keys.js";
import type { Held } from "../gate/held-slots.js";
import { backpressure, type DataEvent, emitEvent } from "../observe/events.js";
import { type AskOptions, ask } from "./ask.js";
import type { Context, Params } from "./context.js";
import type { Reservation } from "./meter.js";
import type { Named, Scope } from "./scope.js";

/** The part of a grant that a context uses. */
interface Granted {
  readonly held: Held | undefined;
  charge(tokens: number): void;
}

/** The deadline of one attempt. */
interface Deadline {
  readonly level: Cancellation;
  /** Pauses the clock and returns a function that resumes it. */
  pause(): () => void;
}

/**
 * Closes contexts whose signal was read. A pointer from a long-lived worker to each new context burdens the garbage
 * collector (6 % of a small item), so it gets only contexts that must be closed.
 */
export interface Closer {
  ctx: StepContext | undefined;
}

/** Fields that few contexts need; kept apart, because each step and item creates a context. */
class Rare {
  reservation: Reservation | undefined;
  signal: HookSignal | undefined;
  deadline: Deadline | undefined;
  lastError: unknown;
  abandoned = false;
  setAside: unknown;
  /** The span of a watched attempt. */
  span: number | undefined;
}

/** The `idempotencyKey` of an identity in a run. */
export const keyOfCall = (runId: string, identity: string): string =>
  longHash(JSON.stringify([runId, identity]));

const NOTHING_TO_AWAIT = Promise.resolve();

/** The implementation of {@link Context}. */
export class StepContext implements Context {
  // Declared, because the constructor writes them: as fields each would be written twice.
  declare readonly attempt: number;
  declare readonly index: number | undefined;
  declare readonly scope: Scope;
  declare readonly node: Named;
  /** The number of the step in its walk, from 1. */
  declare readonly step: number;
  readonly #closer: Closer | undefined;
  #rare: Rare | undefined;
  /** Not in {@link Rare}, because each call at a gate has one. */
  #grant: Granted | undefined;

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
    const { journal } = this.scope.run;
    return keyOfCall(this.runId, journal?.identityOf(this) ?? this.key);
  }

  get lastError(): unknown {
    return this.#rare?.lastError;
  }

  get cancellation(): Cancellation | undefined {
    return this.#rare?.deadline?.level ?? this.scope.cancellation;
  }

  get reservation(): Reservation | undefined {
    return this.#rare?.reservation;
  }

  get [HELD](): Held | undefined {
    const grant = this.#grant;
    return grant === undefined ? this.scope.run.held : grant.held;
  }

  get signal(): AbortSignal {
    const rare = this.#ownRare;
    rare.signal ??= new HookSignal(this.cancellation);
    if (this.#closer !== undefined) this.#closer.ctx = this;
    return rare.signal.signal;
  }

  get emit(): (data: unknown) => Promise<void> {
    return (data) => {
      if (this.#isOver) return NOTHING_TO_AWAIT;
      const { scope, node, index } = this;
      let event: DataEvent | undefined;
      const waits: Promise<void>[] = [];
      for (let run: typeof scope.run | undefined = scope.run; run !== undefined; run = run.outer) {
        if (run.events === undefined || run.over) continue;
        event ??= { type: "data", ...scope.eventFields(node, undefined, index), ...this.#part(), data };
        emitEvent(run.events, event);
        const wait = backpressure(run.events, this.cancellation);
        if (wait !== undefined) waits.push(wait);
      }
      return waits.length > 1 ? Promise.all(waits).then(() => {}) : (waits[0] ?? NOTHING_TO_AWAIT);
    };
  }

  get ask(): <Answer>(question: unknown, options?: AskOptions<Answer>) => Promise<Answer> {
    return (question, options) => ask(this, question, options as AskOptions) as Promise<never>;
  }

  /** The error that sets the call aside while it waits for a person; written by the journal. */
  get setAside(): unknown {
    return this.#rare?.setAside;
  }

  set setAside(reason: unknown) {
    this.#ownRare.setAside = reason;
  }

  /** Awaits work with the attempt's timeout paused, because it waits for a person. */
  async paused<T>(work: () => Promise<T>): Promise<T> {
    const goOn = this.#rare?.deadline?.pause();
    try {
      return await work();
    } finally {
      goOn?.();
    }
  }

  get charge(): (tokens: number) => void {
    return (tokens) => {
      if (this.#isOver) return;
      this.#grant?.charge(tokens);
      this.#rare?.reservation?.charge(tokens);
    };
  }

  /** Binds the context to the grant of its call. */
  hold(grant: Granted): void {
    this.#grant = grant;
  }

  /** Binds the context to the budget reservation of its call. */
  reserve(reservation: Reservation): void {
    this.#ownRare.reservation = reservation;
  }

  /** Gives the attempt its own level of cancellation. */
  limit(deadline: Deadline): void {
    this.#ownRare.deadline = deadline;
  }

  /** Records the error of the previous attempt. */
  follows(error: unknown): void {
    this.#ownRare.lastError = error;
  }

  /** Binds the context to its attempt's span. */
  watched(span: number): void {
    this.#ownRare.span = span;
  }

  /** The parent of emitted data: the attempt, if it is watched. */
  #part(): { parent: number } | undefined {
    const span = this.#rare?.span;
    return span === undefined ? undefined : { parent: span };
  }

  get #ownRare(): Rare {
    return (this.#rare ??= new Rare());
  }

  get #isOver(): boolean {
    return this.#rare?.abandoned === true || this.scope.run.over || this.cancellation?.abandoning === true;
  }

  /** Ends the attempt: its signal no longer follows the run. */
  close(abandoned = false): void {
    if (abandoned) this.#ownRare.abandoned = true;
    this.#rare?.signal?.close();
  }
}
