// One call on its way through its gates: slots, then permits and the end of a pause, then the start; after a refusal it
// begins again. Each call has one object and no promise, because 100,000 calls may wait.
import { isThenable, whenSettled } from "../base/awaitable.js";
import type { AcquireRequest } from "./acquire-request.js";
import { enter } from "./enter.js";
import { Grant } from "./grant.js";
import { type Held, releaseCarried, type SlotCarrier, slotOf } from "./held-slots.js";
import type { Passable } from "./passable.js";
import type { Verdict } from "./refusal-rules.js";
import type { ScopedCall } from "./request-scopes.js";
import type { Slot } from "./semaphore.js";
import { WaitingCall } from "./waiting-call.js";

/** A call from its arrival to its end. */
export class Acquisition<T> extends WaitingCall implements SlotCarrier, ScopedCall {
  /** The slots that it holds, if no worker carries them. */
  held: Held | undefined = undefined;
  readonly #call: (grant: Grant) => T | PromiseLike<T>;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;
  readonly #carrier: SlotCarrier;
  /** The index of the gate whose slot is next; the number of gates once it has all slots. */
  #at = 0;
  /** The number of consecutive refusals. */
  #refusals = 0;
  /** Stops its own timer, if it needs one. */
  #leaveScope: (() => void) | undefined = undefined;

  /**
   * @param gate - The first gate of the request, which a refusal pauses.
   * @param isBack - Whether it was refused before, and so has a place.
   */
  constructor(
    request: AcquireRequest,
    gate: Passable,
    call: (grant: Grant) => T | PromiseLike<T>,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
    isBack: boolean,
  ) {
    super(request, gate, isBack ? request.carrier?.ticket : undefined);
    this.#call = call;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#carrier = request.carrier ?? this;
  }

  /** Begins, or continues after the refusal of a call that started by {@link tryAcquire}. */
  begin(verdict: Verdict | undefined): void {
    const { cancellation, gates } = this.request;
    if (cancellation?.draining) {
      this.#end(() => this.#reject(cancellation.reason));
      return;
    }
    if (this.startsItself) this.#leaveScope = gates[0]?.scopes?.enter(this);
    if (verdict === undefined) this.goOn();
    else this.#goAgain(verdict);
  }

  granted(slot: Slot): void {
    this.hasSlot();
    this.#addSlot(slot);
    if (this.startsItself) return; // at its next beat
    // Not synchronously at the end of another call: each call that starts and ends at once would add a stack frame.
    queueMicrotask(() => {
      if (this.state === "waiting" && this.awaits === undefined) this.goOn();
    });
  }

  start(): void {
    this.stopWaiting();
    this.#run();
  }

  beat(): void {
    if (this.state === "running") this.request.gates[0]?.shared?.renew();
    if (this.state !== "waiting") return;
    if (this.awaits === "permits") this.primary.pump(this);
    else if (this.awaits === undefined) this.goOn();
    else this.askAgain();
  }

  fail(error: unknown): void {
    if (this.state !== "waiting") return;
    this.stopWaiting();
    releaseCarried(this.#carrier, this.request.borrowedFrom);
    this.#end(() => this.#reject(error));
  }

  die(): void {
    const { gates, borrowedFrom } = this.request;
    if (this.state === "running") for (const { counts } of gates) counts.running--;
    this.stopWaiting();
    this.#end(() => releaseCarried(this.#carrier, borrowedFrom));
  }

  protected goOn(): void {
    if (this.request.slots && !this.#takeSlots()) return;
    if (!this.primary.take(this, this.others)) this.waitForPermits();
    else this.start();
  }

  protected stop(): void {
    const { cancellation, raced, borrowedFrom } = this.request;
    this.stopWaiting();
    releaseCarried(this.#carrier, borrowedFrom);
    this.#end(() => {
      if (!(raced && cancellation?.abandoning)) this.#reject(cancellation?.reason);
    });
  }

  /** Takes a slot of each gate with slots, in order; returns false if it has to wait for one. */
  #takeSlots(): boolean {
    const { gates, borrowedFrom } = this.request;
    while (this.#at < gates.length) {
      const gate = gates[this.#at] as Passable;
      const own = slotOf(gate, this.#carrier.held, borrowedFrom);
      // Work that a refused try left behind may still use its slot, so the call shares the slot with it in turns.
      if (gate.semaphore === undefined || (own !== undefined && this.#refusals === 0)) {
        this.#at++;
        continue;
      }
      const from = (own ?? slotOf(gate, borrowedFrom))?.lender ?? gate.semaphore;
      const slot = from.take();
      if (slot === undefined) {
        this.waitForSlot(gate, from);
        return false;
      }
      this.#addSlot(slot);
    }
    return true;
  }

  /** Adds a slot of the next gate. */
  #addSlot(slot: Slot): void {
    const carrier = this.#carrier;
    const gate = this.request.gates[this.#at++] as Passable;
    carrier.held = { gate, slot, borrowedFrom: carrier.held ?? this.request.borrowedFrom };
  }

  #run(): void {
    const { gates } = this.request;
    this.state = "running";
    this.reportEntered();
    if (this.#carrier !== this) this.#carrier.ticket = this.ticket;
    const grant = new Grant(this.request, this.#carrier);
    let work: T | PromiseLike<T>;
    try {
      work = enter(gates, () => this.#call(grant));
    } catch (error) {
      this.#failed(grant, error);
      return;
    }
    if (!isThenable(work)) this.#succeeded(grant, work);
    else {
      whenSettled(work, {
        succeeded: (value) => this.#succeeded(grant, value as T),
        failed: (error) => this.#failed(grant, error),
      });
    }
  }

  #succeeded(grant: Grant, value: T): void {
    if (this.state === "over") return;
    grant.end();
    this.#releaseOwn();
    this.#end(() => this.#resolve(value));
  }

  #failed(grant: Grant, error: unknown): void {
    if (this.state === "over") return;
    let reason = error;
    try {
      const verdict = this.#judge(grant, error);
      if (verdict !== undefined && !verdict.isLast) {
        this.#goAgain(verdict);
        return;
      }
    } catch (other) {
      reason = other;
    }
    this.#releaseOwn();
    this.#end(() => this.#reject(reason));
  }

  /** Ends the call at its gates. @throws The reason of a drain or an abort, which takes precedence over a failure. */
  #judge(grant: Grant, error: unknown): Verdict | undefined {
    const { cancellation, borrowedFrom } = this.request;
    if (cancellation?.aborted) {
      grant.end(false);
      throw cancellation.reason;
    }
    const verdict = grant.fail(error, this.#refusals);
    if (verdict === undefined || verdict.isLast || !cancellation?.draining) return verdict;
    releaseCarried(this.#carrier, borrowedFrom);
    throw cancellation.reason;
  }

  /** Waits as the verdict requires and begins again, in its old place. */
  #goAgain(verdict: Verdict): void {
    const { gates, refused } = this.request;
    this.#refusals++;
    this.#at = 0;
    this.state = "arriving";
    refused?.(verdict.wait);
    if (verdict.pausesGate) this.goOn();
    else this.waitFor(gates[0] as Passable, verdict.wait);
  }

  #releaseOwn(): void {
    if (this.#carrier === this) releaseCarried(this, this.request.borrowedFrom);
  }

  /** Ends once, with any outcome. */
  #end(settle: () => void): void {
    if (this.state === "over") return;
    this.state = "over";
    this.#leaveScope?.();
    settle();
    this.request.onOver?.();
  }
}
