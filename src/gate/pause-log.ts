// Reports of gates to runs with listeners: waits of calls, and the pauses of each gate that a run uses.
import type { GateLog, GateReport, Pausable, PauseReports, PauseWatcher } from "../observe/gate-log.js";
import type { Passable } from "./passable.js";

/** Reports the pauses of these gates to a run, from now on. */
export function reportPauses(pauses: PauseReports, gates: readonly Pausable[]): void {
  pauses.log ??= new PauseLog(pauses);
  pauses.log.watch(gates);
}

/** Reports that a call waits at a gate, and returns a function that reports the end of the wait. */
export function reportWaiting(log: GateLog, { name: gate }: Pausable): () => void {
  const began = performance.now();
  log.emit({ gate, phase: "waiting", at: began });
  return () => {
    const at = performance.now();
    log.emit({ gate, phase: "entered", at, waited: at - began });
  };
}

/** Records and reports a pause of a gate. */
export function notePause(gate: Passable, ms: number): void {
  gate.paused = true;
  for (const watcher of gate.watchers) watcher.paused(gate, performance.now() + ms);
}

/** Reports the pauses of all gates that one run uses. */
class PauseLog implements PauseWatcher {
  readonly #gates = new Set<Pausable>();
  readonly #pauses: PauseReports;
  /** Pauses not reported yet. */
  #queue: GateReport[] = [];
  #wake: () => void = () => {};
  #isOver = false;

  constructor(pauses: PauseReports) {
    this.#pauses = pauses;
    this.#listen();
  }

  watch(gates: readonly Pausable[]): void {
    for (const gate of gates) {
      this.#gates.add(gate);
      gate.watchers.add(this);
    }
  }

  paused(gate: Pausable, until: number): void {
    this.#report({ gate: gate.name, phase: "paused", at: performance.now(), until });
  }

  resumed(gate: Pausable): void {
    this.#report({ gate: gate.name, phase: "resumed", at: performance.now() });
  }

  end(): void {
    for (const gate of this.#gates) gate.watchers.delete(this);
    this.#isOver = true;
    this.#flush();
    this.#wake();
  }

  #report(report: GateReport): void {
    this.#queue.push(report);
    this.#wake();
  }

  /**
   * A call of this run or another causes a pause, and listeners must not run in that call's AsyncLocalStorage context.
   * A promise reaction runs in the context in which it was registered: here, that of this run's first call.
   */
  #listen(): void {
    new Promise<void>((resolve) => {
      this.#wake = resolve;
    }).then(() => {
      this.#flush();
      if (!this.#isOver) this.#listen();
    });
  }

  #flush(): void {
    const queue = this.#queue;
    this.#queue = [];
    for (const report of queue) this.#pauses.emit(report);
  }
}
