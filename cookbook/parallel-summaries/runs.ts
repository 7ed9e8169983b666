// Which run this start is: one that stopped midway and goes on, or a new one that knows what earlier ones have paid for.
import { createHash } from "node:crypto";
import type { Flow } from "sluice";
import type { Journal } from "sluice/journal";
import { type Answer, createShared, type Input, type Shared } from "./nodes.js";

/** How a flow is started. */
export interface Start {
  readonly runId: string;
  /** The store: without keys for a run that goes on, whose store the journal has. */
  readonly shared: Shared;
  readonly goesOn: boolean;
}

/**
 * Looks into the journal.
 *
 * @param fresh Starts anew, and knows nothing.
 */
export async function startOf(
  journal: Journal,
  flow: Flow<Shared>,
  input: Input,
  fresh = false,
): Promise<Start> {
  const series = createHash("sha256").update(JSON.stringify(input)).digest("hex").slice(0, 12);
  const runs = fresh ? [] : await journal.runs();
  const stopped = runs.find(({ id, state }) => id.startsWith(series) && state !== "done");
  if (stopped !== undefined) return { runId: stopped.id, shared: {} as Shared, goesOn: true };
  const done = runs.find(({ state }) => state === "done");
  const answers = done === undefined ? new Map<string, Answer>() : await answersOf(journal, flow, done.id);
  return { runId: `${series}-${Date.now()}`, shared: createShared(input, answers), goesOn: false };
}

/** To run what is done calls nothing and fills the store. */
async function answersOf(journal: Journal, flow: Flow<Shared>, runId: string): Promise<Shared["answers"]> {
  const shared = {} as Shared;
  await flow.run(shared, { journal, runId });
  return shared.answers;
}
