// Warnings about probable mistakes, reported to the process. Imports nothing.

/** The `code` of a warning of sluice; `docs/reference/warnings.md` explains each. */
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
 * Warns by `process.emitWarning`, or without it, as in browsers, workers and at the edge, by `console.warn`. No other
 * library code writes to the console.
 *
 * @param code - A {@link WarningCode}, or a code of a wing.
 */
export function warn(code: WarningCode | `SLUICE_${string}`, message: string): void {
  const { process, console } = globalThis as Host;
  if (typeof process?.emitWarning === "function") {
    process.emitWarning(message, { type: "SluiceWarning", code });
  } else console?.warn?.(`SluiceWarning [${code}]: ${message}`);
}
