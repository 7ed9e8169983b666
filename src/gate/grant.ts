// A call that has started: what it holds of its gates, what it costs, and how it ends.
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

/** What a started call has of its gates, until {@link Grant.end}. */
export class Grant {
  /** The slots it holds, its own and those that its caller holds. */
  readonly held: Held | undefined;
  readonly #request: AcquireRequest;
  readonly #carrier: SlotCarrier;
  /** How often the first gate had been paused when the call started. */
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

  /** Settles real tokens against reserved ones; several charges add up. */
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

  /** Keeps the slots until abandoned work has really ended: the vendor is still busy with it. */
  linger(work: PromiseLike<unknown>): void {
    this.#lingering = work;
  }

  /**
   * Ends the call. Its slots stay with the worker while no other call waits for them.
   *
   * @param well - Whether it had a result.
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
    // A lent slot is not kept, for calls that wait for it are not seen; nor one that a nested call still uses.
    let wanted = borrowedFrom !== undefined || isLent(carrier.held);
    for (const gate of gates) {
      this.#endAt(gate, well);
      if (gate.semaphore?.isCrowded || gate.scopes !== undefined) wanted = true;
    }
    if (wanted) releaseCarried(carrier, borrowedFrom);
  }

  /**
   * Ends a call that has failed. One that was refused pauses the gate here and now, before any other call can start,
   * and keeps its slot there; {@link SlotCarrier.verdict} says what was decided.
   *
   * @param before - How often the call has been refused in a row.
   * @throws What the gate's `retryAfter` throws.
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

  /** A refused call keeps its slot at the gate that it has paused. */
  #keepSlot({ semaphore }: Passable, { pausesGate, isLast }: Verdict): void {
    const { gates, borrowedFrom } = this.#request;
    const carrier = this.#carrier;
    // A limit that has just been lowered takes the slots of calls that were refused; they are the first to get one.
    const isOver = semaphore !== undefined && semaphore.running > semaphore.limit;
    if (pausesGate && !isLast && !isOver)
      carrier.held = keepSlotsOf(gates[0] as Passable, carrier.held, borrowedFrom);
    else releaseCarried(carrier, borrowedFrom);
  }

  /** Pauses the gate, and gives the ms until the pause is over. */
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

/** Whether nested calls may use a slot, or the one that it is a turn of. */
const isLent = (held: Held | undefined): boolean =>
  held !== undefined && (held.slot.lent || held.borrowedFrom?.slot.lent === true);

function resume(gate: Passable): void {
  gate.paused = false;
  for (const watcher of gate.watchers) watcher.resumed(gate);
}
