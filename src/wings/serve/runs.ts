// The runs of a handler with a journal: how a request names one, and what it gets of it.
import { type Awaitable, type RunOptions, SluiceError } from "sluice";
import { isPlainObject } from "sluice/internal";
import { badInput } from "./body.js";
import { Refusal } from "./refusal.js";

/** What a handler needs of a journal: one that `openJournal()` of sluice/journal gives. */
export type HandlerJournal = NonNullable<RunOptions["journal"]> & {
  run(id: string): Promise<KnownRun | undefined>;
  answer(token: string, answer: unknown): Promise<void>;
};

/** What a journal knows of a run. */
interface KnownRun {
  readonly state: string;
  readonly action: string | undefined;
  readonly questions: readonly {
    readonly token: string;
    readonly question: unknown;
    readonly path: readonly (string | number)[];
    readonly index: number | undefined;
  }[];
}

/** Who may see and answer the runs of a handler. */
export interface HandlerRuns {
  /**
   * Decides whether a request may name this run: start it or go on with it, see its questions, answer one. Where it says
   * no, the caller gets the 404 of a run that does not exist.
   */
  readonly authorize: (request: Request, id: string) => Awaitable<boolean>;
  /** Returns the transient keys of the store of a run that goes on without a body. @default none */
  readonly shared?: ((request: Request) => Awaitable<object>) | undefined;
}

/** A path that ends in `/runs/<id>` or `/runs/<id>/answers/<token>`, wherever the handler is mounted. */
export interface RunRoute {
  readonly id: string;
  readonly token: string | undefined;
}

const ROUTE = /\/runs\/([^/]+)(?:\/answers\/([^/]+))?\/?$/;

/** @throws Refusal 404 for a name that is not written as a URL has it. */
export function routeOf(url: string): RunRoute | undefined {
  const found = ROUTE.exec(new URL(url, "http://localhost").pathname);
  if (found === null) return undefined;
  const [, id = "", token] = found;
  try {
    return { id: decodeURIComponent(id), token: token && decodeURIComponent(token) };
  } catch {
    throw noSuchRun();
  }
}

export const noSuchRun = (): Refusal => new Refusal(404, "There is no such run");

/** What a caller may see of a run: no params and no error text, which may hold what is not theirs. */
export function publicState(id: string, { state, action, questions }: KnownRun) {
  const open = questions.map(({ token, question, path, index }) => ({ token, question, path, index }));
  return { run: { id, state, action, questions: open } };
}

/** The code of an error, which may be one of the journal's. */
const codeOf = (error: unknown): string => (error instanceof SluiceError ? error.code : "");

/** Whether a run has ended because it waits for people. */
export const isSuspended = (error: unknown): boolean => codeOf(error) === "SUSPENDED";

const CONFLICTS: Readonly<Record<string, string>> = {
  RUN_IN_USE: "The run is going on elsewhere",
  JOURNAL_IN_USE: "Another process has the runs",
  RUN_INPUT_CHANGED: "The run began with another input",
  RUN_CANCELLED: "The run was cancelled",
};

const UNANSWERABLE: Readonly<Record<string, [status: number, text: string]>> = {
  QUESTION_UNKNOWN: [404, "There is no such question"],
  QUESTION_ANSWERED: [409, "The question was answered already"],
  ASK_EXPIRED: [410, "The time for an answer is over"],
};

/** What a journal refuses, as the caller gets it; other errors as they are. */
export function asRefusal(error: unknown): unknown {
  const code = codeOf(error);
  const conflict = CONFLICTS[code];
  if (conflict !== undefined) return new Refusal(409, conflict, { cause: error });
  const unanswerable = UNANSWERABLE[code];
  return unanswerable === undefined ? error : new Refusal(...unanswerable, { cause: error });
}

/** Answers a question of a run. @throws Refusal 400, 404, 409, 410. */
export async function answer(journal: HandlerJournal, { id, token }: RunRoute, body: unknown): Promise<void> {
  if (!isPlainObject(body) || !("answer" in body)) throw badInput('Expected a JSON object { "answer": … }');
  const run = await journal.run(id);
  if (run === undefined) throw noSuchRun();
  // Who may answer for this run must not reach another's question by its token; an answered one is distinguished below.
  const isOpen = run.questions.some((question) => question.token === token);
  if (!isOpen) throw new Refusal(404, "There is no such open question");
  try {
    await journal.answer(token as string, body.answer);
  } catch (error) {
    throw asRefusal(error);
  }
}

/** A run that waits for people; what it asks is answered by the run's own route. */
export const waits = (id: string | undefined): string => JSON.stringify({ run: { id, state: "suspended" } });
