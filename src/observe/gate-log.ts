// The interface between a run and the gates that it watches. Types only: the gate, of any build of sluice, has the
// code.

/** A report of a gate, without the fields of every event. */
export type GateReport = { readonly gate: string | undefined; readonly at: number } & (
  | { readonly phase: "waiting" }
  | { readonly phase: "entered"; readonly waited: number }
  | { readonly phase: "paused"; readonly until: number }
  | { readonly phase: "resumed" }
);

/** A gate of any build of sluice. */
export interface Pausable {
  readonly name: string | undefined;
  readonly watchers: Set<PauseWatcher>;
}

/** Called when a gate pauses and resumes. */
export interface PauseWatcher {
  paused(gate: Pausable, until: number): void;
  resumed(gate: Pausable): void;
}

/** Connects a run to the pauses of its gates. */
export interface PauseReports {
  /** Emits a report with the path of the run. */
  emit(report: GateReport): void;
  /** Watches the gates; written by the first gate that the run uses. */
  log: { watch(gates: readonly Pausable[]): void; end(): void } | undefined;
}

/** Receives the reports of one call. */
export interface GateLog {
  readonly pauses: PauseReports;
  /** Emits the start and end of a wait, with the path of the call. */
  emit(report: GateReport): void;
}
