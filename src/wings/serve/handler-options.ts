// The options of createHandler, and the type of its result.
import type { Awaitable, Params, RunOptions, StandardSchema } from "sluice";
import {
  aDelay,
  aFunction,
  anObject,
  aSchema,
  aString,
  aTimeout,
  checkOptions,
  invalidOption,
  runRules,
} from "sluice/internal";
import { type HandlerLimits, limitRules } from "./limits.js";
import { type Origins, originsRule } from "./origins.js";
import type { HandlerJournal, HandlerRuns } from "./runs.js";

/** The `any` of the core, by a name that its public types have. */
type Untyped = Params[string];

/** The options of {@link createHandler}. */
export interface HandlerOptions<S = Untyped, Input = S> {
  /** A Standard Schema, sync or async, that checks the body. @default every JSON object */
  readonly input?: StandardSchema<Input> | undefined;
  /** Creates the store of one run from the checked input. @default the input itself */
  readonly toShared?: ((input: Input, request: Request) => Awaitable<S>) | undefined;
  /**
   * The answer, as JSON: a function of the store, or a list of its keys. By default the answer is the store if each of
   * its keys was in the request, and otherwise an `INVALID_OUTPUT`, because data that flows and `toShared` write may not
   * be for the caller.
   */
  readonly output?: ((shared: S) => unknown) | readonly (keyof S & string)[] | undefined;
  /**
   * Checks the caller, before the body is read: it throws a {@link Refusal} with 401 or 403, or returns `false`, to
   * refuse the request. @default all callers are allowed
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that only throws gives nothing
  readonly authorize?: ((request: Request) => Awaitable<boolean | undefined | void>) | undefined;
  /**
   * Other origins whose pages may call, such as `["https://app.example"]`, or `"*"`. Their requests have no cookies.
   * @default none
   */
  readonly origins?: Origins | undefined;
  /** Wraps each run, its steps, items and attempts, as `around` of `run()` does. */
  readonly around?: RunOptions["around"];
  /** Gets the events of all runs, as `events` of `run()` does; `runId` distinguishes them. */
  readonly events?: RunOptions["events"];
  /** The largest number of steps of a run. @default Infinity */
  readonly maxSteps?: number | undefined;
  /** Milliseconds for a run, from its start to its output; then it is aborted, and the answer is 504. @default none */
  readonly timeout?: number | undefined;
  /**
   * Drains the handler: callers get 503, and runs end after their calls in flight, as with `drain` of `run()`. A run with
   * a journal can be resumed.
   */
  readonly drain?: AbortSignal | undefined;
  /** The limits of the handler. */
  readonly limits?: HandlerLimits | undefined;
  /**
   * Gets every failure that the caller did not cause. The caller gets 500 without details.
   *
   * @default a warning of the process
   */
  readonly onError?: ((error: unknown, request: Request) => unknown) | undefined;
  /** The minimum milliseconds between two progress events of one batch; the last one is always sent. @default 100 */
  readonly progressEvery?: number | undefined;
  /**
   * Milliseconds of silence after which a stream sends a comment, for proxies and Bun, which close a silent connection
   * after 10 s.
   * @default 8_000
   */
  readonly heartbeat?: number | undefined;
  /**
   * Records the runs, so that they survive the process and can wait for people: a journal of `openJournal()` of
   * sluice/journal. For a waiting run the answer is 202; each answer has the id of its run in `x-run-id`.
   */
  readonly journal?: HandlerJournal | undefined;
  /**
   * Enables the routes of runs, which end in `/runs/<id>`: POST starts a run with this id, or resumes it (also without a
   * body), GET returns its state and its questions, and POST of `{ "answer": … }` to `/runs/<id>/answers/<token>` answers one.
   * Needs a `journal`.
   *
   * @default 404 for all of them
   */
  readonly runs?: HandlerRuns | undefined;
}

/** A flow behind HTTP. */
export interface Handler {
  (request: Request): Promise<Response>;
  /**
   * Refuses new and waiting callers with 503 and waits for the end of the runs.
   *
   * @param options.deadline - Milliseconds after which remaining runs are aborted. @default no limit
   * @returns A promise that resolves when the last answer is sent.
   */
  close(options?: { readonly deadline?: number | undefined }): Promise<void>;
  /** The numbers of runs and of waiting callers. */
  stats(): { readonly running: number; readonly waiting: number; readonly closed: boolean };
}

const rules = {
  input: aSchema,
  toShared: aFunction,
  output: {
    expected: "a function, or an array of keys of the store",
    accepts: (value: unknown) =>
      aFunction.accepts(value) || (Array.isArray(value) && value.every(aString.accepts)),
  },
  authorize: aFunction,
  origins: originsRule,
  around: runRules.around,
  events: runRules.events,
  maxSteps: runRules.maxSteps,
  timeout: aTimeout,
  drain: runRules.drain,
  limits: anObject,
  onError: aFunction,
  progressEvery: aDelay,
  heartbeat: aTimeout,
  journal: anObject,
  runs: anObject,
};
const routeRules = { authorize: aFunction, shared: aFunction };

/** @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`. */
export function checkHandlerOptions(options: HandlerOptions): void {
  checkOptions("createHandler()", options, rules);
  checkOptions("createHandler(), limits", options.limits, limitRules);
  const { journal, runs } = options;
  checkOptions("createHandler(), runs", runs, routeRules);
  const isJournal = typeof journal?.run === "function" && typeof journal.answer === "function";
  if (journal !== undefined && !isJournal) {
    throw invalidOption("createHandler()", "journal", "what openJournal() gives", journal);
  }
  if (runs === undefined) return;
  if (typeof runs.authorize !== "function") {
    const expected = "{ authorize(request, id) }, which decides who may name a run";
    throw invalidOption("createHandler()", "runs", expected, runs);
  }
  if (journal === undefined) {
    throw invalidOption("createHandler()", "runs", "combined with a `journal`, which keeps the runs", runs);
  }
}
