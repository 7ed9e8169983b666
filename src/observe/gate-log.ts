// What a run tells of its gates: who waits and goes on, and, of every gate that it has used, the pauses.

/** What is told of a gate, without what every event carries. */
type Told =
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

/** Listens to the pauses of all gates that one run uses. */
export class PauseLog implements PauseWatcher {
  readonly #gates = new Set<Pausable>();
  readonly #emit: (event: Told & { readonly at: number }) => void;

  constructor(tell: (event: Told & { readonly at: number }) => void) {
    this.#emit = tell;
  }

  /** Notes that the run uses these gates, and gives what one of its calls tells. */
  log(gates: readonly Pausable[], tell: (event: Told & { readonly at: number }) => void): GateLog {
    for (const gate of gates) {
      this.#gates.add(gate);
      gate.watchers.add(this);
    }
    return (gate) => {
      const began = performance.now();
      tell({ gate: gate.name, phase: "waiting", at: began });
      return () => {
        const at = performance.now();
        tell({ gate: gate.name, phase: "entered", at, waited: at - began });
      };
    };
  }

  paused(gate: Pausable, until: number): void {
    this.#emit({ gate: gate.name, phase: "paused", at: performance.now(), until });
  }

  resumed(gate: Pausable): void {
    this.#emit({ gate: gate.name, phase: "resumed", at: performance.now() });
  }

  end(): void {
    for (const gate of this.#gates) gate.watchers.delete(this);
  }
}
