// The feed of one gate from a shared limit: requests permits and slots for waiting calls, and permits for expected ones.
import { describe, SluiceError } from "../base/errors.js";
import { UNLIMITED } from "../base/options.js";
import { Alarm, GateClock } from "./gate-clock.js";
import type { Passable } from "./passable.js";
import type { PermitSupply, Refills } from "./permit-supply.js";
import { type Exchanging, SharedExchange } from "./shared-exchange.js";
import type { LimitConflict, LimitReply, LimitRequest, SharedLimit, SharedTerms } from "./shared-limit.js";
import { SharedPace } from "./shared-pace.js";
import { SharedPauses } from "./shared-pauses.js";
import { SharedPermits } from "./shared-permits.js";
import { SharedSlots } from "./shared-slots.js";
import { bucketsOf, closed, differs, inWords } from "./shared-terms.js";

/** Milliseconds after which unused slots and debts are reported. */
const IDLE = 100;
/** Milliseconds between the reports of a gate with slots or waiting calls; other gates report less often. */
const RENEW = 500;
const QUIET = 3_000;

/** Supplies one gate with permits and slots. */
export class SharedFeed implements PermitSupply, Refills, Exchanging {
  readonly slots: SharedSlots | undefined;
  /** Why no call can start; `undefined` if the limit is reachable. Written by each reply. */
  blocked: string | undefined;
  readonly #terms: SharedTerms;
  readonly #clock = new GateClock();
  readonly #exchange: SharedExchange;
  readonly #pace = new SharedPace();
  readonly #pauses = new SharedPauses();
  readonly #permits: SharedPermits;
  /** Rings when granted permits are due. */
  readonly #dueAlarm = new Alarm(this.#clock, () => this.#gate.tokenQueue.tick());
  /** Rings when the next request is due. */
  readonly #askAlarm = new Alarm(this.#clock, () => this.#exchange.soon());
  /** Rings when a report is due; does not keep the process alive. */
  readonly #reportAlarm = new Alarm(this.#clock, () => this.#exchange.report(), true);
  /** Written by {@link open}, once. */
  #gate!: Passable;
  /** Created at the first request: on workerd there are no random numbers before. */
  #owner = "";
  #epoch = "";
  #isClosed = false;

  constructor(limit: SharedLimit, terms: SharedTerms) {
    this.#terms = terms;
    this.#exchange = new SharedExchange(limit, this.#clock, this);
    this.#permits = new SharedPermits(terms, this.#clock.now());
    if (terms.concurrency === UNLIMITED) return;
    this.slots = new SharedSlots(terms.concurrency, this.#clock, {
      wanted: (slots) => {
        if (slots.lacks || this.#isClosed) this.#ask(this.#pace.slotsAt);
      },
      free: (slots) => {
        if (slots.running >= slots.limit) this.#exchange.report();
        else if (slots.waiting === 0) this.#reportAlarm.setWithin(IDLE);
      },
    });
  }

  /** Called once, before the first call. */
  open(gate: Passable): void {
    this.#gate = gate;
  }

  get tokensAtOnce(): number {
    return this.#permits.tokensAtOnce;
  }

  delay(tokens: number): number {
    return this.#permits.delay(tokens, this.#clock.now());
  }

  spend(tokens: number): void {
    const now = this.#clock.now();
    this.#permits.spend(tokens, now);
    if (this.#isAhead && this.#permits.expect(now).calls > 0) this.#exchange.soon();
  }

  settle(difference: number): number {
    const { stock, levels } = this.#permits;
    stock.settle(difference);
    levels.settle(difference);
    this.#reportAlarm.setWithin(IDLE);
    return difference > 0 ? levels.delay(0, this.#clock.now()) : 0;
  }

  empty(_now: number, pause: number): void {
    this.#permits.stock.clear();
    if (this.#pauses.note(pause, this.#clock.now())) this.#exchange.report();
  }

  left(): { readonly requests: number; readonly tokens: number } {
    return this.#permits.left(this.#clock.now());
  }

  /** Requests permits for the first call of the queue. */
  request(): void {
    const [first] = this.#gate.tokenQueue.waiters;
    if (first === undefined) return;
    const now = this.#clock.now();
    const wait = this.#permits.stock.delay(first.tokens, now);
    if (wait === undefined) this.#ask(this.#pace.permitsAt);
    else this.#dueAlarm.setWithin(wait > 0 ? wait : this.#permits.stock.lapses - now + 1);
  }

  cancel(): void {
    this.#dueAlarm.clear();
    if (this.slots === undefined || this.slots.waiting === 0) this.#askAlarm.clear();
    if (this.#permits.stock.isEarly(this.#clock.now())) this.#permits.stock.giveBack();
    if (this.#permits.stock.left.requests > 0 || this.#permits.stock.owed > 0)
      this.#reportAlarm.setWithin(IDLE);
  }

  /** Reports slots in use, if no timer lives long enough. */
  renew(): void {
    if (this.#clock.now() > this.#pace.slotsAt + RENEW) this.#exchange.soon();
  }

  /** Returns what no call uses, and rejects the calls that wait. */
  async leave(): Promise<void> {
    this.#isClosed = true;
    for (const alarm of [this.#dueAlarm, this.#askAlarm, this.#reportAlarm]) alarm.clear();
    this.#failAll(closed());
    if (this.#owner === "") return;
    await this.#exchange.last(() => {
      this.#permits.stock.giveBack();
      const held = this.slots?.running ?? 0;
      return { ...this.compose(this.#clock.now()), held, wanted: held, leaves: true };
    });
    this.#reportAlarm.clear();
  }

  compose(now: number): LimitRequest {
    const { slots } = this;
    const { tokenQueue } = this.#gate;
    this.#owner ||= crypto.randomUUID();
    this.#askAlarm.clear();
    const { calls, ready } = this.#permits.calls(tokenQueue, slots?.waiters ?? [], this.#isAhead, now);
    const held = slots?.keep(IDLE) ?? 0;
    const { requests, tokens } = this.#permits.levels.at(now);
    return {
      owner: this.#owner,
      terms: inWords(this.#terms),
      slots: slots === undefined ? null : this.#terms.concurrency,
      ...bucketsOf(this.#terms),
      epoch: this.#epoch,
      held,
      wanted: Math.min(this.#terms.concurrency, held + (slots?.waiting ?? 0)),
      calls,
      ready,
      back: this.#permits.stock.takeBack(),
      pause: this.#pauses.left(now),
      known: { requests: Math.min(0, requests), tokens: Math.min(0, tokens), pause: tokenQueue.pause },
      leaves: false,
    };
  }

  received(request: LimitRequest, reply: LimitReply | LimitConflict, sent: number): void {
    if ("differs" in reply) {
      this.#failAll(differs(request.terms, reply.differs));
      return;
    }
    const now = this.#clock.now();
    this.#pauses.reported(request.pause, sent);
    if (reply.epoch !== this.#epoch || reply.revoked) this.#permits.stock.clear();
    this.#epoch = reply.epoch;
    this.#permits.receive(request, reply, sent, now);
    this.blocked = this.#pace.received(request, reply, sent, now);
    this.#pauses.follow(this.#gate, reply.pause);
    const { slots } = this;
    if (slots !== undefined) slots.limit = reply.slots;
    this.#gate.tokenQueue.tick();
    if (slots !== undefined) this.#followUp(slots, request);
    this.#reportIn(slots !== undefined && slots.running > 0);
  }

  failed(error: unknown, { back }: LimitRequest): void {
    // Returned permits may have arrived, so they are not sent again; a debt may be counted twice.
    this.#permits.stock.settle(Math.max(0, -back.tokens));
    if (error instanceof SluiceError) {
      this.#failAll(error);
      return;
    }
    this.blocked = `the shared limit is unreachable, so no call starts: ${describe(error)}`;
    this.#pace.failed(this.#clock.now());
    if (this.#waiting > 0) {
      this.#gate.warnings.once("SLUICE_LIMIT_AWAY", `${this.#gate.name ?? "A gate"}: ${this.blocked}`);
      this.#ask(this.#pace.permitsAt);
    }
    if (this.#epoch !== "") this.#reportAlarm.setWithin((this.slots?.running ?? 0) > 0 ? IDLE : QUIET);
  }

  /** Whether permits are requested in advance: not on workerd, where a request may end with the call that made it. */
  get #isAhead(): boolean {
    return !this.#isClosed && this.#gate.scopes === undefined;
  }

  get #waiting(): number {
    return this.#gate.tokenQueue.waiting + (this.slots?.waiting ?? 0);
  }

  /** Requests or returns slots. */
  #followUp(slots: SharedSlots, { held }: LimitRequest): void {
    if (slots.lacks) this.#ask(this.#pace.slotsAt);
    if (Math.max(slots.running, slots.limit) < held) this.#exchange.report();
    else if (slots.waiting === 0 && slots.running < slots.limit) this.#reportAlarm.setWithin(IDLE);
  }

  #reportIn(isHolding: boolean): void {
    if (this.#isClosed || this.#gate.scopes !== undefined) return;
    const { left, lapses } = this.#permits.stock;
    const isLeft = left.requests > 0 && left.requests < UNLIMITED;
    if (isLeft) this.#reportAlarm.setWithin(lapses - this.#clock.now() + 1);
    else this.#reportAlarm.setWithin(isHolding || this.#waiting > 0 ? RENEW : QUIET);
  }

  /** Sends a request at a moment, for all calls that have arrived until then. */
  #ask(at: number): void {
    if (this.#isClosed) queueMicrotask(() => this.#failAll(closed()));
    else if (this.#exchange.isBusy)
      return; // its reply schedules the next request
    else if (at <= this.#clock.now()) this.#exchange.soon();
    else if (this.#gate.scopes === undefined) this.#askAlarm.setWithin(at - this.#clock.now());
  }

  #failAll(error: SluiceError): void {
    for (const each of [...this.#gate.tokenQueue.waiters]) each.fail(error);
    for (const each of [...(this.slots?.waiters ?? [])]) each.fail?.(error);
  }
}
