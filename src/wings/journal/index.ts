/**
 * Durable runs, which survive their process and can wait for people. For Node.
 *
 * @module sluice/journal
 */

export type {
  Change,
  Claim,
  Entry,
  EntryKind,
  JournalDriver,
  NewRun,
  QuestionRow,
  RunRow,
  RunState,
  Settlement,
} from "./driver.js";
export type { PostgresClient, PostgresPool } from "./drivers/postgres-connection.js";
export type { Codec } from "./guarded.js";
export type { Journal, Recovered, Recovery, RunDetails, RunInfo, WaitingQuestion } from "./journal.js";
export { type JournalOptions, type JournalPlace, openJournal } from "./open.js";
export { type OpenQuestion, SuspendedError } from "./questions.js";
