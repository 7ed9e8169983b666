// The waiting part of a call: its places in the queues, its abort listeners, and its reports.
import type { AcquireRequest } from "./acquire-request.js";
import { Alarm } from "./gate-clock.js";
import { slotOf } from "./held-slots.js";
import type { Passable } from "./passable.js";
import { reportWaiting } from "./pause-log.js";
import type { PermitWaiter } from "./permit-waiter.js";
import type { Semaphore, Slot, SlotWaiter } from "./semaphore.js";
import type { TokenQueue } from "./token-queue.js";
import { Place } from "./waiting-list.js";

const NONE: readonly TokenQueue[] = [];
/** The ticket of a nested call, whose caller started before all waiting calls. */
const FRONT = -1;

/** A call that may have to wait. When it leaves, it is removed from all queues at once. */
export abstract class WaitingCall implements SlotWaiter, PermitWaiter {
  readonly tokens: number;
  readonly primary: TokenQueue;
  readonly others: readonly TokenQueue[];
  readonly startsItself: boolean;
  readonly isNested: boolean;
  protected readonly request: AcquireRequest;
  /** The current state; written by each step. */
  protected state: "arriving" | "waiting" | "running" | "over" = "arriving";
  /** Its place in the queues; lower goes first. */
  readonly ticket: number;
  /** Its place among the calls that wait for a slot. */
  #slotPlace: Place<SlotWaiter> | undefined = undefined;
  #slotFrom: Semaphore | undefined = undefined;
  /** Its places among the calls that wait for permits, one for each gate. */
  #permitPlaces: Place<PermitWaiter>[] | undefined = undefined;
  /** Rings at the end of a wait after a refusal that pauses no gate. */
  #alarm: Alarm | undefined = undefined;
  /** Reports the end of the wait. */
  #entered: (() => void) | undefined = undefined;
  /** Listens for a drain or an abort while it waits. */
  #onStop: (() => void) | undefined = undefined;

  /** @param place - The ticket that it already has. */
  constructor(request: AcquireRequest, gate: Passable, place: number | undefined) {
    this.request = request;
    this.isNested = slotOf(gate, request.borrowedFrom) !== undefined;
    this.ticket = place ?? (this.isNested ? FRONT : gate.counts.arrived++);
    this.tokens = request.tokens;
    this.primary = gate.tokenQueue;
    this.others = request.gates.length === 1 ? NONE : request.gates.slice(1).map((each) => each.tokenQueue);
    this.startsItself = gate.scopes !== undefined;
  }

  abstract granted(slot: Slot): void;
  abstract start(): void;
  abstract fail(error: unknown): void;

  /** Called at a drain or an abort while it waits. */
  protected abstract stop(): void;

  /** Continues with the next slot, the permits or the start. */
  protected abstract goOn(): void;

  /** What it waits for; `undefined` briefly after it was granted. */
  protected get awaits(): "slot" | "permits" | "time" | undefined {
    if (this.#slotPlace !== undefined) return "slot";
    if (this.#permitPlaces !== undefined) return "permits";
    return this.#alarm === undefined ? undefined : "time";
  }

  /** Requests again what it waits for, if only its own timer may. */
  protected askAgain(): void {
    if (this.#slotPlace !== undefined) this.#slotFrom?.askAgain();
  }

  protected waitForSlot(gate: Passable, from: Semaphore): void {
    this.#wait(gate);
    this.#slotPlace = new Place<SlotWaiter>(this, this.ticket);
    this.#slotFrom = from;
    from.enqueue(this.#slotPlace);
  }

  /** Leaves the queue for slots, because it has one. */
  protected hasSlot(): void {
    this.#slotPlace = this.#slotFrom = undefined;
  }

  protected waitForPermits(): void {
    const { gates } = this.request;
    this.#wait(gates.find(({ tokenQueue }) => tokenQueue.delay(this) > 0) ?? (gates[0] as Passable));
    this.#permitPlaces = gates.map(() => new Place<PermitWaiter>(this, this.ticket));
    for (const { tokenQueue, warnings } of gates) {
      const { tokensAtOnce } = tokenQueue;
      if (this.tokens > tokensAtOnce) warnings.dearCall(this.tokens, tokensAtOnce, tokenQueue.delay(this));
    }
    const places = this.#permitPlaces;
    for (const [at, { tokenQueue }] of gates.entries()) tokenQueue.enqueue(places[at] as Place<PermitWaiter>);
  }

  /** Waits for this many ms, outside of the queues. */
  protected waitFor(gate: Passable, ms: number): void {
    this.#wait(gate);
    this.#alarm = new Alarm(this.primary.clock, () => {
      this.#alarm = undefined;
      this.goOn();
    });
    this.#alarm.set(ms);
  }

  #wait(gate: Passable): void {
    if (this.state === "waiting") return;
    this.state = "waiting";
    const { gates, cancellation, log, stall } = this.request;
    for (const { counts } of gates) counts.waiting++;
    this.#entered = log && reportWaiting(log, gate);
    stall?.waits(gate);
    if (cancellation === undefined) return;
    this.#onStop = () => this.stop();
    cancellation.listen(this.#onStop);
  }

  /** Leaves all queues. */
  protected stopWaiting(): void {
    if (this.state !== "waiting") return;
    this.state = "arriving";
    const { gates, cancellation, stall } = this.request;
    for (const { counts } of gates) counts.waiting--;
    stall?.goesOn();
    if (this.#onStop !== undefined) cancellation?.unlisten(this.#onStop);
    this.#alarm?.clear();
    this.#onStop = this.#alarm = undefined;
    if (this.#slotPlace !== undefined) this.#slotFrom?.leave(this.#slotPlace);
    this.hasSlot();
    const places = this.#permitPlaces;
    this.#permitPlaces = undefined;
    if (places === undefined) return;
    for (const [at, { tokenQueue }] of gates.entries()) tokenQueue.leave(places[at] as Place<PermitWaiter>);
  }

  /** Reports the end of the wait, if the wait was reported. */
  protected reportEntered(): void {
    this.#entered?.();
    this.#entered = undefined;
  }
}
