// The runs of a handler with a journal: their routes and answers.
import { type Awaitable, type RunOptions, SluiceError } from "sluice";
import { isPlainObject } from "sluice/internal";
import { badInput } from "./body.js";
import { Refusal } from "./refusal.js";

/** The journal of a handler: the result of `openJournal()` of sluice/journal. */
export type HandlerJournal = NonNullable<RunOptions["journal"]> & {
  run(id: string): Promise<KnownRun | undefined>;
  answer(token: string, answer: unknown): Promise<void>;
};

/** A run in the journal. */
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

/** The authorization for the runs of a handler. */
export interface HandlerRuns {
  /**
   * Returns whether a request may use this run: start or resume it, see its questions, answer one. Otherwise the caller
   * gets 404, as for an unknown run.
   */
  readonly authorize: (request: Request, id: string) => Awaitable<boolean>;
  /** Returns the transient keys of the store of a run that is resumed without a body. @default none */
  readonly shared?: ((request: Request) => Awaitable<object>) | undefined;
}

/** The route of a path that ends in `/runs/<id>` or `/runs/<id>/answers/<token>`, under any prefix. */
export interface RunRoute {
  readonly id: string;
  readonly token: string | undefined;
}

const ROUTE = /\/runs\/([^/]+)(?:\/answers\/([^/]+))?\/?$/;

/** Parses the route of a URL. @throws Refusal 404 for an invalid percent-encoding. */
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

/** The public state of a run, without params and error texts, which may be confidential. */
export function publicState(id: string, { state, action, questions }: KnownRun) {
  const open = questions.map(({ token, question, path, index }) => ({ token, question, path, index }));
  return { run: { id, state, action, questions: open } };
}

/** The code of a SluiceError, otherwise `""`. */
const codeOf = (error: unknown): string => (error instanceof SluiceError ? error.code : "");

/** Whether a run is suspended until a person answers. */
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

/** Converts errors of the journal to refusals; other errors are unchanged. */
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
  // A caller that may answer for this run must not reach a question of another run by its token; an answered question
  // is distinguished below.
  const isOpen = run.questions.some((question) => question.token === token);
  if (!isOpen) throw new Refusal(404, "There is no such open question");
  try {
    await journal.answer(token as string, body.answer);
  } catch (error) {
    throw asRefusal(error);
  }
}

/** The answer for a suspended run; the route of the run has its questions. */
export const waits = (id: string | undefined): string => JSON.stringify({ run: { id, state: "suspended" } });
