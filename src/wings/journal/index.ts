// sluice/journal: runs that survive their process. For Node.
import "./error-codes.js";

export type { Journal, Recovered, Recovery, RunDetails, RunInfo, WaitingQuestion } from "./journal.js";
export { openJournal } from "./open.js";
export { type OpenQuestion, SuspendedError } from "./questions.js";
