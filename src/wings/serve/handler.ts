// createHandler: one flow object behind HTTP, for any number of callers.
import { type Awaitable, type BaseNode, SluiceError } from "sluice";
import { aDelay, checkOptions, isError, isPlainObject, show, warn } from "sluice/internal";
import { checkHeaders, readJson } from "./body.js";
import { Call } from "./call.js";
import { EventStream } from "./event-stream.js";
import { checkHandlerOptions, type Handler, type HandlerOptions } from "./handler-options.js";
import { toJson } from "./json.js";
import { busy, Door, defaultLimits } from "./limits.js";
import { jsonResponse, type Problem, Refusal, refuse } from "./refusal.js";
import {
  answer as answerQuestion,
  asRefusal,
  type HandlerJournal,
  isSuspended,
  noSuchRun,
  type RunRoute,
  routeOf,
  told,
  waits,
} from "./runs.js";
import { check } from "./schema.js";
import { tell } from "./telling.js";
import { wantsEvents } from "./wants-events.js";

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
  checkHandlerOptions(options);
  const given = Object.entries(options.limits ?? {}).filter(([, value]) => value !== undefined);
  const limits = { ...defaultLimits, ...Object.fromEntries(given) };
  const {
    input,
    toShared,
    output,
    onError,
    progressEvery = 100,
    heartbeat = 15_000,
    journal,
    runs,
  } = options;
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
    const refusal = asRefusal(error);
    if (refusal instanceof Refusal) return refusal.problem;
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
  const streamRun = async (
    request: Request,
    call: Call,
    shared: unknown,
    stream: EventStream,
    runId: string | undefined,
  ) => {
    const { events, flush } = tell(stream, progressEvery, (error) => call.abort(error));
    try {
      await flow.run(shared, { signal: call.signal, events, journal, runId });
      const json = await resultOf(shared);
      flush();
      stream.send("result", json);
    } catch (error) {
      if (isSuspended(error)) stream.send("suspended", waits(runId));
      else stream.send("error", JSON.stringify(blame(error, call, request)));
    }
    stream.end();
    await stream.over;
    call.end();
  };

  /** The store of a run that goes on without a body. */
  const keptStore = async (request: Request, id: string): Promise<unknown> => {
    if ((await journal?.run(id)) === undefined) throw noSuchRun();
    return { ...(await runs?.shared?.(request)) };
  };

  /** What a request asks of a run, other than to run it. */
  const answerRoute = async (
    request: Request,
    call: Call,
    route: RunRoute,
  ): Promise<Response | undefined> => {
    const kept = journal as HandlerJournal;
    if (runs === undefined || !(await runs.authorize(request, route.id))) throw noSuchRun();
    if (route.token !== undefined) {
      checkHeaders(request, limits.body);
      await answerQuestion(kept, route, await readJson(request, limits.body, limits.arrival, call.signal));
      return new Response(null, { status: 204 });
    }
    if (request.method !== "GET") return undefined;
    const run = await kept.run(route.id);
    if (run === undefined) throw noSuchRun();
    return jsonResponse(toJson("The run", told(route.id, run)));
  };

  const answer = async (request: Request, call: Call): Promise<Response> => {
    const route = journal && routeOf(request.url);
    const told = route && (await answerRoute(request, call, route));
    if (told !== undefined) return told;
    const goesOn = route !== undefined && request.method === "POST" && request.body === null;
    if (!goesOn) checkHeaders(request, limits.body);
    call.leave = await door.enter(call.signal);
    const shared = goesOn ? await keptStore(request, route.id) : await storeOf(request, call.signal);
    call.signal.throwIfAborted();
    const runId = journal && (route?.id ?? crypto.randomUUID());
    const named: Record<string, string> =
      runId === undefined ? {} : { "x-run-id": encodeURIComponent(runId) };
    if (!wantsEvents(request.headers.get("accept"))) {
      try {
        await flow.run(shared, { signal: call.signal, journal, runId });
      } catch (error) {
        if (isSuspended(error)) return jsonResponse(waits(runId), 202, named);
        throw error;
      }
      return jsonResponse(await resultOf(shared), 200, named);
    }
    const stream = new EventStream({
      ...limits,
      heartbeat,
      onGone: () => call.abort(new SluiceError("CLIENT_GONE", "The caller has stopped reading")),
      onSlow: (error) => call.abort(error),
    });
    call.streams = true;
    void streamRun(request, call, shared, stream, runId);
    const headers = {
      ...named,
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
    };
    return new Response(stream.body, { headers: { ...headers, "x-accel-buffering": "no" } });
  };

  const handler = async (request: Request): Promise<Response> => {
    if (closed) return refuse(closing());
    const call = new Call(request.signal, () => calls.delete(call));
    calls.add(call);
    try {
      return await answer(request, call);
    } catch (error) {
      const refusal = asRefusal(error);
      if (refusal instanceof Refusal) return refuse(refusal);
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
