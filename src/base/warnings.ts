// What is probably a mistake but stops nothing, reported to the process. Imports nothing.

/** The `code` of a warning that sluice prints; `docs/reference/warnings.md` explains each. */
export type WarningCode =
  | "SLUICE_UNLINKED_ACTION"
  | "SLUICE_LINK_OVERWRITTEN"
  | "SLUICE_LINKS_NOT_FOLLOWED"
  | "SLUICE_GATE_STALLED"
  | "SLUICE_GATE_IN_DEBT"
  | "SLUICE_DEAR_CALL"
  | "SLUICE_REFUSAL_NOT_UNDERSTOOD"
  | "SLUICE_LIMIT_AWAY"
  | "SLUICE_LISTENER_FAILED";

interface Host {
  readonly process?: { emitWarning?(text: string, options: object): void };
  readonly console?: { warn?(text: string): void };
}

/**
 * Warns through `process.emitWarning`; where there is none, as in browsers, workers and at the edge, through
 * `console.warn`, the one place where library code writes to the console.
 *
 * @param code - A {@link WarningCode}, or a wing's own.
 */
export function warn(code: WarningCode | `SLUICE_${string}`, message: string): void {
  const { process, console } = globalThis as Host;
  if (typeof process?.emitWarning === "function") {
    process.emitWarning(message, { type: "SluiceWarning", code });
  } else console?.warn?.(`SluiceWarning [${code}]: ${message}`);
}
