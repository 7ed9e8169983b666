// What a run tells of its gates: who waits and goes on, and, of every gate that it has used, the pauses.

/** What is reported of a gate, without what every event carries. */
type GateReport =
  | { readonly gate: string | undefined; readonly phase: "waiting" }
  | { readonly gate: string | undefined; readonly phase: "entered"; readonly waited: number }
  | { readonly gate: string | undefined; readonly phase: "paused"; readonly until: number }
  | { readonly gate: string | undefined; readonly phase: "resumed" };

/** Who is told when a gate pauses and when it goes on. */
export interface PauseWatcher {
  paused(gate: Pausable, until: number): void;
  resumed(gate: Pausable): void;
}

/** A gate, of whichever build of sluice. */
export interface Pausable {
  readonly name: string | undefined;
  readonly watchers: Set<PauseWatcher>;
}

/** Tells that a call waits at a gate, and gives what tells that it goes on. */
export type GateLog = (gate: Pausable) => () => void;

type PauseReport = GateReport & { readonly at: number };

/** Listens to the pauses of all gates that one run uses. */
export class PauseLog implements PauseWatcher {
  readonly #gates = new Set<Pausable>();
  readonly #emit: (event: PauseReport) => void;
  /** Pauses that have not been reported yet. */
  #queue: PauseReport[] = [];
  #wake: () => void = () => {};
  #isOver = false;

  constructor(emit: (event: PauseReport) => void) {
    this.#emit = emit;
    this.#listen();
  }

  /** Notes that the run uses these gates, and gives what one of its calls reports to. */
  log(gates: readonly Pausable[], emit: (event: PauseReport) => void): GateLog {
    for (const gate of gates) {
      this.#gates.add(gate);
      gate.watchers.add(this);
    }
    return (gate) => {
      const began = performance.now();
      emit({ gate: gate.name, phase: "waiting", at: began });
      return () => {
        const at = performance.now();
        emit({ gate: gate.name, phase: "entered", at, waited: at - began });
      };
    };
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

  #report(event: PauseReport): void {
    this.#queue.push(event);
    this.#wake();
  }

  /**
   * A pause is caused by some call, of this run or another, and listeners must not run in the AsyncLocalStorage context
   * of that one. A reaction of a promise runs in the context in which it was set up: here, that of this run.
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
    for (const event of queue) this.#emit(event);
  }
}
