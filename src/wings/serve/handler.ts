// createHandler: one flow object behind HTTP, for any number of callers.
import { type Awaitable, type BaseNode, type Params, SluiceError, type StandardSchema } from "sluice";
import {
  aDelay,
  aFunction,
  anObject,
  aSchema,
  aTimeout,
  checkOptions,
  isError,
  isPlainObject,
  show,
  warn,
} from "sluice/internal";
import { checkHeaders, readJson } from "./body.js";
import { Call } from "./call.js";
import { EventStream } from "./event-stream.js";
import { toJson } from "./json.js";
import { busy, Door, defaultLimits, type HandlerLimits, limitRules } from "./limits.js";
import { jsonResponse, type Problem, Refusal, refuse } from "./refusal.js";
import { check } from "./schema.js";
import { tell } from "./telling.js";
import { wantsEvents } from "./wants-events.js";

/** The `any` of the core, by a name that its public types have. */
type Untyped = Params[string];

/** The options of {@link createHandler}. */
export interface HandlerOptions<S = Untyped, Input = S> {
  /** What a body must be: a Standard Schema, sync or async. @default every JSON object */
  readonly input?: StandardSchema<Input> | undefined;
  /** Makes the store of one run from the checked input. @default the input as it is */
  readonly toShared?: ((input: Input, request: Request) => Awaitable<S>) | undefined;
  /** Picks what is answered, as JSON. @default the store */
  readonly output?: ((shared: S) => unknown) | undefined;
  /** What it takes on before it refuses. */
  readonly limits?: HandlerLimits | undefined;
  /**
   * Is told of every failure that is not the caller's doing. The caller gets 500 without a word of it.
   *
   * @default a warning of the process
   */
  readonly onError?: ((error: unknown, request: Request) => unknown) | undefined;
  /** The least time between two progress events of one batch, in ms; its last is always sent. @default 100 */
  readonly progressEvery?: number | undefined;
  /** Milliseconds of silence after which a stream sends a comment, for proxies. @default 15_000 */
  readonly heartbeat?: number | undefined;
}

/** A flow behind HTTP. */
export interface Handler {
  (request: Request): Promise<Response>;
  /**
   * Takes no more callers: new ones and those who wait get 503, and runs go on to their end.
   *
   * @param options.deadline - Milliseconds after which runs that still go on are aborted. @default no limit
   * @returns When the last answer is out.
   */
  close(options?: { readonly deadline?: number | undefined }): Promise<void>;
  /** Tells how many runs go on, and how many callers wait for one. */
  stats(): { readonly running: number; readonly waiting: number; readonly closed: boolean };
}

const rules = {
  input: aSchema,
  toShared: aFunction,
  output: aFunction,
  limits: anObject,
  onError: aFunction,
  progressEvery: aDelay,
  heartbeat: aTimeout,
};

const INTERNAL: Problem = { status: 500, message: "The flow failed" };
const GONE: Problem = { status: 499, message: "The caller has gone" };

/**
 * Makes a web-standard request handler of a flow: JSON in by POST, and out comes JSON or, for those who accept
 * `text/event-stream`, Server-Sent Events: `data` for each `ctx.emit`, `progress`, and `result` or `error` last.
 *
 * A caller who hangs up aborts the run; its signal's reason is a SluiceError `CLIENT_GONE`.
 *
 * @throws SluiceError `INVALID_NODE`, `INVALID_OPTION`, `UNKNOWN_OPTION`. The handler itself never rejects.
 * @example
 * ```ts
 * import { Flow, node } from "sluice";
 * import { createHandler } from "sluice/serve";
 *
 * const double = node({ post: (shared: { n: number }) => { shared.n *= 2; } });
 * const handler = createHandler(new Flow(double));
 *
 * const headers = { "content-type": "application/json" };
 * const request = new Request("http://localhost/", { method: "POST", headers, body: '{"n":21}' });
 * await (await handler(request)).json(); // => { n: 42 }
 * ```
 */
export function createHandler<S, Input>(
  flow: BaseNode<S>,
  options: HandlerOptions<NoInfer<S>, Input> & {
    readonly toShared: (input: Input, request: Request) => Awaitable<NoInfer<S>>;
  },
): Handler;
export function createHandler<S>(
  flow: BaseNode<S>,
  options?: HandlerOptions<NoInfer<S>, NoInfer<S>>,
): Handler;
export function createHandler(flow: BaseNode, options: HandlerOptions = {}): Handler {
  if (typeof (flow as Partial<BaseNode> | undefined)?.run !== "function") {
    const message = `createHandler(): expected a node or a flow, got ${show(flow)}`;
    throw new SluiceError("INVALID_NODE", message);
  }
  checkOptions("createHandler()", options, rules);
  checkOptions("createHandler(), limits", options.limits, limitRules);
  const given = Object.entries(options.limits ?? {}).filter(([, value]) => value !== undefined);
  const limits = { ...defaultLimits, ...Object.fromEntries(given) };
  const { input, toShared, output, onError, progressEvery = 100, heartbeat = 15_000 } = options;
  const door = new Door(limits);
  const calls = new Set<Call>();
  let closed = false;

  const report = (error: unknown, request: Request) => {
    if (onError === undefined) warn("SLUICE_REQUEST_FAILED", `A request failed: ${describe(error)}`);
    else {
      const failed = (failure: unknown) =>
        warn("SLUICE_LISTENER_FAILED", `\`onError\` of a handler failed: ${describe(failure)}`);
      Promise.resolve()
        .then(() => onError(error, request))
        .catch(failed);
    }
  };
  const blame = (error: unknown, { signal }: Call, request: Request): Problem => {
    if (error instanceof Refusal) return error.problem;
    const cause: unknown = signal.aborted ? signal.reason : error;
    const code = signal.aborted && cause instanceof SluiceError ? cause.code : undefined;
    if (code === "HANDLER_CLOSED") return closing().problem;
    if (code !== "CLIENT_GONE") report(cause, request);
    // Nobody is there to read the status of these two; 499 is what nginx calls a caller who has left.
    return code === "CLIENT_GONE" || code === "SLOW_READER" ? GONE : INTERNAL;
  };
  const closing = () => busy("The service is closing", door.retryAfter);

  const storeOf = async (request: Request, signal: AbortSignal): Promise<unknown> => {
    const value = await readJson(request, limits.body, limits.arrival, signal);
    if (input === undefined && toShared === undefined && !isPlainObject(value)) {
      const message = "Expected a JSON object";
      throw new Refusal(400, message, { issues: [{ path: [], message }] });
    }
    const checked = input === undefined ? value : await check(input, value);
    return toShared === undefined ? checked : await toShared(checked, request);
  };
  const resultOf = async (shared: unknown): Promise<string> =>
    output === undefined ? toJson("The store", shared) : toJson("output()", await output(shared));

  /** Runs the flow into a stream. Never rejects. */
  const streamRun = async (request: Request, call: Call, shared: unknown, stream: EventStream) => {
    const { events, flush } = tell(stream, progressEvery, (error) => call.abort(error));
    try {
      await flow.run(shared, { signal: call.signal, events });
      const json = await resultOf(shared);
      flush();
      stream.send("result", json);
    } catch (error) {
      stream.send("error", JSON.stringify(blame(error, call, request)));
    }
    stream.end();
    await stream.over;
    call.end();
  };

  const answer = async (request: Request, call: Call): Promise<Response> => {
    checkHeaders(request, limits.body);
    call.leave = await door.enter(call.signal);
    const shared = await storeOf(request, call.signal);
    call.signal.throwIfAborted();
    if (!wantsEvents(request.headers.get("accept"))) {
      await flow.run(shared, { signal: call.signal });
      return jsonResponse(await resultOf(shared));
    }
    const stream = new EventStream({
      ...limits,
      heartbeat,
      onGone: () => call.abort(new SluiceError("CLIENT_GONE", "The caller has stopped reading")),
      onSlow: (error) => call.abort(error),
    });
    call.streams = true;
    void streamRun(request, call, shared, stream);
    const headers = { "content-type": "text/event-stream", "cache-control": "no-cache, no-transform" };
    return new Response(stream.body, { headers: { ...headers, "x-accel-buffering": "no" } });
  };

  const handler = async (request: Request): Promise<Response> => {
    if (closed) return refuse(closing());
    const call = new Call(request.signal, () => calls.delete(call));
    calls.add(call);
    try {
      return await answer(request, call);
    } catch (error) {
      if (error instanceof Refusal) return refuse(error);
      const problem = blame(error, call, request);
      const headers = problem.status === 503 ? closing().headers : undefined;
      return jsonResponse(JSON.stringify({ error: problem }), problem.status, headers);
    } finally {
      if (!call.streams) call.end();
    }
  };

  return Object.assign(handler, {
    stats: () => ({ running: door.running, waiting: door.waiting, closed }),
    close: async (how: { readonly deadline?: number | undefined } = {}) => {
      checkOptions("close()", how, { deadline: aDelay });
      closed = true;
      const stop = (which: (call: Call) => boolean) => {
        for (const call of [...calls].filter(which)) {
          call.abort(new SluiceError("HANDLER_CLOSED", "The handler was closed before the run had ended"));
        }
      };
      stop((call) => call.leave === undefined);
      const { deadline } = how;
      const timer = deadline === undefined ? undefined : setTimeout(stop, deadline, () => true);
      await Promise.all([...calls].map((call) => call.ended));
      clearTimeout(timer);
    },
  });
}

/** Puts anything that was thrown into words. */
function describe(error: unknown): string {
  try {
    return isError(error) ? (error.stack ?? String(error)) : String(error);
  } catch {
    return "something that has no words";
  }
}
