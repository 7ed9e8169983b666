// Sees calls of a gate that may wait for themselves, and warns of them once for each gate.
import { warn } from "../base/warnings.js";
import type { Passable } from "./acquire.js";

/** A call without `ctx` that waits this long, in ms, while no slot comes free may be waiting for its own caller. */
const STALLED_AFTER = 10_000;

/** The watch of one gate. Without AsyncLocalStorage it can only see a nested call in two ways. */
export class StallWatch {
  #warned = false;

  /** Watches a call without `ctx` until what it returns is called. */
  watch(gate: Passable): (() => void) | undefined {
    if (gate.semaphore === undefined || this.#warned) return undefined;
    if (gate.entered > 0) this.#warn("gate.run() was called without `ctx` inside a slot of the same gate");
    const { ended } = gate.counts;
    const timer = setTimeout(() => {
      if (gate.counts.ended > ended || gate.counts.running === 0) return;
      this.#warn(`gate.run() without \`ctx\` has waited ${STALLED_AFTER} ms in which no slot came free`);
    }, STALLED_AFTER);
    (timer as { unref?: () => void }).unref?.();
    return () => clearTimeout(timer);
  }

  #warn(seen: string): void {
    if (this.#warned) return;
    this.#warned = true;
    const advice =
      "lend it the slot with gate.run(fn, { ctx }), ctx being that of the hook or of the outer gate.run";
    warn("SLUICE_GATE_STALLED", `${seen}. A call inside a slot can wait for itself for ever: ${advice}`);
  }
}
