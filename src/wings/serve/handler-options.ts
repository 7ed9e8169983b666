// The options of createHandler, and what it gives.
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
  /** What a body must be: a Standard Schema, sync or async. @default every JSON object */
  readonly input?: StandardSchema<Input> | undefined;
  /** Makes the store of one run from the checked input. @default the input as it is */
  readonly toShared?: ((input: Input, request: Request) => Awaitable<S>) | undefined;
  /**
   * Picks what is answered, as JSON: a function, or the keys of the store. Left out, the store is answered if it has no
   * key that the request did not send, and is an `INVALID_OUTPUT` if it has: what flows and `toShared` write there may
   * not be for the caller.
   */
  readonly output?: ((shared: S) => unknown) | readonly (keyof S & string)[] | undefined;
  /**
   * Decides who may call, before anything of the request is read: it throws a {@link Refusal} of 401 or 403, or gives
   * `false` for callers that may not. @default every caller may
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that only throws gives nothing
  readonly authorize?: ((request: Request) => Awaitable<boolean | undefined | void>) | undefined;
  /**
   * Other origins whose pages may call, such as `["https://app.example"]`, or `"*"`. They get no cookies. @default none
   */
  readonly origins?: Origins | undefined;
  /** Wraps each run, its steps, items and attempts, as `around` of `run()` does. */
  readonly around?: RunOptions["around"];
  /** Gets the events of all runs, as `events` of `run()` does; `runId` distinguishes them. */
  readonly events?: RunOptions["events"];
  /** The most steps that a run may take. @default Infinity */
  readonly maxSteps?: number | undefined;
  /** Milliseconds that a run may take, from its place to its output; then it is aborted, and answered with 504. @default none */
  readonly timeout?: number | undefined;
  /**
   * Drains the handler: callers get 503, and what runs ends after the calls that are in flight, as by `drain` of
   * `run()`. A run with a journal may go on later.
   */
  readonly drain?: AbortSignal | undefined;
  /** What it takes on before it refuses. */
  readonly limits?: HandlerLimits | undefined;
  /**
   * Is called with every failure that is not the caller's doing. The caller gets 500 without a word of it.
   *
   * @default a warning of the process
   */
  readonly onError?: ((error: unknown, request: Request) => unknown) | undefined;
  /** The least time between two progress events of one batch, in ms; its last is always sent. @default 100 */
  readonly progressEvery?: number | undefined;
  /** Milliseconds of silence after which a stream sends a comment, for proxies and Bun, which close a quiet one after 10 s. @default 8_000 */
  readonly heartbeat?: number | undefined;
  /**
   * Keeps the runs, so that they outlive the process and may wait for people: what `openJournal()` of sluice/journal gives.
   * A run that waits is answered with 202; `x-run-id` of each answer names the run.
   */
  readonly journal?: HandlerJournal | undefined;
  /**
   * Opens the routes of runs, which end in `/runs/<id>`: POST starts a run by this id, or goes on with it (without a
   * body, too), GET answers its state and its questions, and POST of `{ "answer": … }` to `/runs/<id>/answers/<token>` answers one.
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
   * Takes no more callers: new and waiting ones get 503, and runs go on to their end.
   *
   * @param options.deadline - Milliseconds after which runs that still go on are aborted. @default no limit
   * @returns When the last answer is out.
   */
  close(options?: { readonly deadline?: number | undefined }): Promise<void>;
  /** How many runs go on, and how many callers wait for one. */
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
    throw invalidOption(
      "createHandler()",
      "runs",
      "given together with a `journal`, which keeps the runs",
      runs,
    );
  }
}
