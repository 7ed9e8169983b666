// What a run that listens to its gates hands them. Types only: a gate, of whichever build of sluice, brings the code.

/** What is reported of a gate, without what every event carries. */
export type GateReport = { readonly gate: string | undefined; readonly at: number } & (
  | { readonly phase: "waiting" }
  | { readonly phase: "entered"; readonly waited: number }
  | { readonly phase: "paused"; readonly until: number }
  | { readonly phase: "resumed" }
);

/** A gate, of whichever build of sluice. */
export interface Pausable {
  readonly name: string | undefined;
  readonly watchers: Set<PauseWatcher>;
}

/** Is called when a gate pauses and when it goes on. */
export interface PauseWatcher {
  paused(gate: Pausable, until: number): void;
  resumed(gate: Pausable): void;
}

/** What a run has to do with the pauses of the gates that it uses. */
export interface PauseReports {
  /** Emits a report with the path of the run. */
  emit(report: GateReport): void;
  /** Listens to the gates; written by the first of them that the run uses. */
  log: { watch(gates: readonly Pausable[]): void; end(): void } | undefined;
}

/** Takes the reports of one call. */
export interface GateLog {
  readonly pauses: PauseReports;
  /** Emits that the call waits or goes on, with its own path. */
  emit(report: GateReport): void;
}
