// Calls at a gate, as its tests make them.
import { AsyncParallelBatchNode, type Gate, type GateRunOptions } from "sluice";
import { turn } from "./fake-clock.js";
import { InFlight } from "./in-flight.js";

export const stop = new Error("stop");
/** An error as a vendor's SDK throws it. */
export const refusal = (after?: string | number) =>
  Object.assign(new Error("429"), {
    status: 429,
    headers: after === undefined ? {} : { "retry-after-ms": String(after) },
  });

/** Starts a call that notes when it starts. */
export function starter(gate: Gate) {
  const starts: number[] = [];
  const zero = performance.now();
  const start = (options?: GateRunOptions, work: () => unknown = () => {}) =>
    gate.run(() => {
      starts.push(performance.now() - zero);
      return work();
    }, options);
  return { starts, start };
}

/** Whether all slots of a gate can be taken at once. */
export async function slotsFree(gate: Gate, slots: number): Promise<boolean> {
  await turn();
  const inFlight = new InFlight();
  let open: () => void = () => {};
  const door = new Promise<void>((resolve) => {
    open = resolve;
  });
  const calls = Array.from({ length: slots }, () => gate.run(() => inFlight.during(() => door)));
  await turn();
  const all = inFlight.now === slots;
  open();
  await Promise.all(calls);
  return all && gate.stats().running === 0 && gate.stats().waiting === 0;
}

export function controller() {
  const own = new AbortController();
  return { signal: own.signal, abort: (reason?: unknown) => own.abort(reason) };
}

/** Items that all run the same work under a gate. */
export class BatchItems extends AsyncParallelBatchNode<object, number, unknown> {
  readonly #work: () => unknown;
  readonly #items: number;

  constructor(gate: Gate, work: () => unknown, options: object = {}, items = 4) {
    super({ gate, concurrency: 3, ...options });
    this.#work = work;
    this.#items = items;
  }
  override prep() {
    return Array.from({ length: this.#items }, (_, i) => i);
  }
  override exec() {
    return this.#work();
  }
}
