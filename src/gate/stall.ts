// Detects calls that may deadlock on themselves, and warns once per gate.
import type { GateWarnings } from "./gate-warnings.js";
import type { Passable } from "./passable.js";

/** Milliseconds after which a call without `ctx`, while no slot is released, may be waiting for its own caller. */
const STALLED_AFTER = 10_000;

/** The watch of one gate. Without AsyncLocalStorage it can detect a nested call in only two ways. */
export class StallWatch {
  readonly #warnings: GateWarnings;
  /** The number of waiting calls without `ctx`. */
  #waiting = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(warnings: GateWarnings) {
    this.#warnings = warnings;
  }

  /** A call without `ctx` arrives, perhaps from a call that holds a slot. */
  arrives(gate: Passable): void {
    if (gate.semaphore !== undefined && gate.entered > 0)
      this.#warn("gate.run() was called without `ctx` inside a slot of the same gate");
  }

  /** Such a call begins to wait. One timer watches all of them. */
  waits(gate: Passable | undefined): void {
    this.#waiting++;
    if (this.#timer === undefined && gate?.semaphore !== undefined) this.#watch(gate);
  }

  /** Such a call ends its wait. */
  goesOn(): void {
    if (--this.#waiting > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #watch(gate: Passable): void {
    if (this.#warnings.has("SLUICE_GATE_STALLED")) return;
    const { ended } = gate.counts;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (gate.counts.ended > ended || gate.counts.running === 0) return this.#watch(gate);
      this.#warn(`gate.run() without \`ctx\` has waited ${STALLED_AFTER} ms in which no slot came free`);
    }, STALLED_AFTER);
    (this.#timer as { unref?: () => void }).unref?.();
  }

  #warn(seen: string): void {
    const advice =
      "lend it the slot with gate.run(fn, { ctx }), ctx being that of the hook or of the outer gate.run";
    this.#warnings.once(
      "SLUICE_GATE_STALLED",
      `${seen}. A call inside a slot can deadlock on itself: ${advice}`,
    );
  }
}
