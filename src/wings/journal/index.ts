// sluice/journal: runs that survive their process. For Node.
export type { Journal, Recovered, Recovery, RunDetails, RunInfo } from "./journal.js";
export { openJournal } from "./open.js";
export { type OpenQuestion, SuspendedError } from "./questions.js";
