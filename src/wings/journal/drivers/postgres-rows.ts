// Rows of PostgreSQL as runs and questions. A number may arrive as text, and a user's pool may have its own type
// parsers.
import type { QuestionRow, RunRow, RunState } from "../driver.js";
import { fromSafe } from "./safe-text.js";

const ms = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8`;

/** SQL for whether a process owns a run, by the clock of the database. */
export const IS_OWNED = "coalesce(owned_until > clock_timestamp(), false)";

/** The columns of a run. */
export const RUN = `id, state, flow, version, graph, params, input, steps, calls, tokens, action, error,
  ${ms("created_at")} AS "createdAt", ${ms("updated_at")} AS "updatedAt", claims, ${IS_OWNED} AS "isOwned",
  split_part(owner, ' ', 1) AS "ownerName"`;

/** The columns of a question, of `sluice.questions` and `sluice.runs`. */
export const QUESTION = `token, runs.id AS run, coalesce(full_key, key) AS key, nth, question, schema, path, index,
  ${ms("expires_at")} AS "expiresAt", answer, ${ms("asked_at")} AS "askedAt"`;

const safe = (text: string | null): string | null => text && fromSafe(text);

/** @param row - With the columns {@link RUN}. */
export function runOf(row: unknown): RunRow {
  const run = row as RunRow & { readonly ownerName: string | null };
  return {
    id: fromSafe(run.id),
    state: run.state as RunState,
    flow: fromSafe(run.flow),
    version: safe(run.version),
    graph: fromSafe(run.graph),
    params: fromSafe(run.params),
    input: fromSafe(run.input),
    steps: Number(run.steps),
    calls: Number(run.calls),
    tokens: Number(run.tokens),
    action: safe(run.action),
    error: safe(run.error),
    createdAt: Math.floor(Number(run.createdAt)),
    updatedAt: Math.floor(Number(run.updatedAt)),
    claims: Number(run.claims),
    isOwned: run.isOwned,
    owner: run.isOwned ? run.ownerName : null,
  };
}

/** @param row - With the columns {@link QUESTION}. */
export function questionOf(row: unknown): QuestionRow {
  const question = row as QuestionRow;
  return {
    token: fromSafe(question.token),
    run: fromSafe(question.run),
    key: fromSafe(question.key),
    nth: Number(question.nth),
    question: fromSafe(question.question),
    schema: safe(question.schema ?? null),
    path: fromSafe(question.path),
    index: question.index === null ? null : Number(question.index),
    expiresAt: question.expiresAt === null ? null : Math.round(Number(question.expiresAt)),
    answer: safe(question.answer),
    askedAt: Math.floor(Number(question.askedAt)),
  };
}
