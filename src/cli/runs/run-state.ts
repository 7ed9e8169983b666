// The state of a run for people: a run whose process has died is interrupted.
import type { Journal, RunInfo } from "sluice/journal";

/** The states of the journal, and `"interrupted"`: the process has died, and the run can be resumed. */
export type RunState = RunInfo["state"] | "interrupted";

export const STATES = [
  "running",
  "interrupted",
  "suspended",
  "failed",
  "aborted",
  "drained",
  "cancelled",
  "stuck",
  "done",
] satisfies RunState[];

export const stateOf = ({ state, isOwned }: Pick<RunInfo, "state" | "isOwned">): RunState =>
  state === "running" && !isOwned ? "interrupted" : state;

/** The newest runs, of one state or of all states. */
export async function runsOf(
  journal: Journal,
  { state, limit }: { readonly state?: RunState | undefined; readonly limit: number },
): Promise<RunInfo[]> {
  if (state === undefined) return journal.runs({ limit });
  if (state !== "running" && state !== "interrupted") return journal.runs({ state, limit });
  const begun = await journal.runs({ state: "running" });
  return begun.filter((run) => stateOf(run) === state).slice(0, limit);
}
