// The common part of claims: which commits prove progress of a run, and the errors of refused and lost claims.
import { hostname } from "node:os";
import { SluiceError } from "sluice";
import { quote } from "sluice/internal";
import type { Change } from "../driver.js";

/** The name of this process, for people. */
export const thisProcess = (): string => `${process.pid}@${hostname()}`;

/** Whether a change adds a row, which proves progress of the run. */
export const isRow = (change: Change): boolean => "put" in change || "ask" in change;

export const inUse = (id: string): SluiceError =>
  new SluiceError(
    "RUN_IN_USE",
    `The run ${quote(id)} is already running; wait for its end, or choose another \`runId\``,
  );

export const lost = (id: string): SluiceError =>
  new SluiceError(
    "RUN_LOST",
    `This process has lost the run ${quote(id)}: another one has taken it over, because this one did not respond for too long`,
  );

export const unknown = (id: string): SluiceError =>
  new SluiceError("RUN_UNKNOWN", `There is no run ${quote(id)} in the journal`);
