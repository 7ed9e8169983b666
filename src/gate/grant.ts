// A call that has started: its slots and permits, its cost, and its end.
import { SluiceError, show } from "../base/errors.js";
import { isAmount } from "../base/options.js";
import type { AcquireRequest } from "./acquire-request.js";
import {
  type Held,
  keepSlotsOf,
  releaseCarried,
  releaseSlots,
  type SlotCarrier,
  slotOf,
} from "./held-slots.js";
import type { Passable } from "./passable.js";
import { notePause } from "./pause-log.js";
import type { Verdict } from "./refusal-rules.js";

/** The slots and permits of a started call, until {@link Grant.end}. */
export class Grant {
  /** The slots that it holds, its own and those of its caller. */
  readonly held: Held | undefined;
  readonly #request: AcquireRequest;
  readonly #carrier: SlotCarrier;
  /** The number of pauses of the first gate when the call started. */
  readonly #pauses: number;
  #charged: number | undefined = undefined;
  #lingering: PromiseLike<unknown> | undefined = undefined;

  constructor(request: AcquireRequest, carrier: SlotCarrier) {
    const { gates, tokens } = request;
    this.#request = request;
    this.#carrier = carrier;
    this.held = carrier.held ?? request.borrowedFrom;
    this.#pauses = gates[0]?.tokenQueue.pauses ?? 0;
    for (const gate of gates) {
      const { counts, tokenQueue } = gate;
      counts.running++;
      counts.started++;
      counts.tokens += tokens;
      const { slowStart, clock } = tokenQueue;
      const isNested = () => slotOf(gate, request.borrowedFrom) !== undefined;
      if (slowStart !== undefined && !isNested()) slowStart.started(this, clock.now());
      if (gate.paused) resume(gate);
    }
  }

  /** Settles actual against reserved tokens; several charges add up. */
  charge(tokens: number): void {
    if (!isAmount(tokens)) {
      const message = `charge(): expected tokens as a finite number of 0 or more, got ${show(tokens)}`;
      throw new SluiceError("INVALID_COST", message);
    }
    const before = this.#charged ?? this.#request.tokens;
    this.#charged = (this.#charged ?? 0) + tokens;
    const difference = this.#charged - before;
    for (const { counts, tokenQueue, warnings } of this.#request.gates) {
      counts.tokens += difference;
      const debt = tokenQueue.settle(difference);
      if (debt > 0) warnings.debt(difference, debt);
    }
  }

  /** Keeps the slots until abandoned work has really ended, because the vendor still processes it. */
  linger(work: PromiseLike<unknown>): void {
    this.#lingering = work;
  }

  /**
   * Ends the call. The worker keeps its slots while no other call waits for them.
   *
   * @param well - Whether it succeeded.
   */
  end(well = true): void {
    const { gates, borrowedFrom } = this.#request;
    const carrier = this.#carrier;
    if (this.#lingering !== undefined) {
      const { held } = this;
      carrier.held = undefined;
      const free = () => {
        for (const gate of gates) this.#endAt(gate, false);
        releaseSlots(held, borrowedFrom);
      };
      this.#lingering.then(free, free);
      return;
    }
    // A lent slot is not kept, because the calls that wait for it are not visible; nor a slot that a nested call still
    // uses.
    let wanted = borrowedFrom !== undefined || isLent(carrier.held);
    for (const gate of gates) {
      this.#endAt(gate, well);
      if (gate.semaphore?.isCrowded || gate.scopes !== undefined) wanted = true;
    }
    if (wanted) releaseCarried(carrier, borrowedFrom);
  }

  /**
   * Ends a failed call. A refusal pauses the gate synchronously, before any other call can start, and the call keeps
   * its slot; {@link SlotCarrier.verdict} has the decision.
   *
   * @param before - The number of consecutive refusals before.
   * @throws The error of the gate's `retryAfter`.
   */
  fail(error: unknown, before = 0): Verdict | undefined {
    const { gates, slots, tokens } = this.#request;
    const carrier = this.#carrier;
    const gate = slots ? gates[0] : undefined;
    let verdict: Verdict | undefined;
    carrier.verdict = undefined;
    try {
      verdict = gate?.refusals.judge(error, before);
    } catch (broken) {
      this.end(false);
      throw broken;
    }
    carrier.verdict = null;
    if (gate === undefined || verdict === undefined) {
      this.end(false);
      return undefined;
    }
    gate.counts.refused++;
    if (verdict.pausesGate) verdict = { ...verdict, wait: this.#pause(gate, verdict.wait) };
    for (const { counts } of gates) counts.tokens -= this.#charged ?? tokens;
    carrier.verdict = verdict;
    if (this.#lingering !== undefined) this.end(false);
    else {
      for (const each of gates) this.#endAt(each, false);
      this.#keepSlot(gate, verdict);
    }
    return verdict;
  }

  /** Keeps the slot of a refused call at the gate that it paused. */
  #keepSlot({ semaphore }: Passable, { pausesGate, isLast }: Verdict): void {
    const { gates, borrowedFrom } = this.#request;
    const carrier = this.#carrier;
    // A limit that was just lowered takes the slots of refused calls, which are first in the queue.
    const isOver = semaphore !== undefined && semaphore.running > semaphore.limit;
    if (pausesGate && !isLast && !isOver)
      carrier.held = keepSlotsOf(gates[0] as Passable, carrier.held, borrowedFrom);
    else releaseCarried(carrier, borrowedFrom);
  }

  /** Pauses the gate, and returns the milliseconds until the pause ends. */
  #pause(gate: Passable, ms: number): number {
    const { tokenQueue, counts } = gate;
    const before = tokenQueue.pause;
    gate.adaptive?.refused(this.#pauses === tokenQueue.pauses);
    tokenQueue.pauseFor(ms, counts.running, this.#pauses);
    const pause = tokenQueue.pause;
    if (pause > before) notePause(gate, pause);
    return pause;
  }

  #endAt({ counts, adaptive, tokenQueue, semaphore }: Passable, well: boolean): void {
    counts.running--;
    counts.ended++;
    if (adaptive !== undefined) adaptive.ended();
    const { slowStart } = tokenQueue;
    if (slowStart === undefined) return;
    slowStart.ended(this, well);
    const all = Math.min(counts.running + counts.waiting, semaphore?.limit ?? Number.POSITIVE_INFINITY);
    if (slowStart.width >= all && tokenQueue.pause === 0) tokenQueue.slowStart = undefined;
    tokenQueue.wake();
  }
}

/** Whether nested calls may use a slot, or the slot that it was borrowed from. */
const isLent = (held: Held | undefined): boolean =>
  held !== undefined && (held.slot.lent || held.borrowedFrom?.slot.lent === true);

function resume(gate: Passable): void {
  gate.paused = false;
  for (const watcher of gate.watchers) watcher.resumed(gate);
}
