// createHandler: one flow object behind HTTP, for any number of callers.
import { type Awaitable, type BaseNode, SluiceError } from "sluice";
import { aDelay, checkOptions, isError, show, warn } from "sluice/internal";
import { Call } from "./call.js";
import { busy, Door } from "./door.js";
import { EventStream } from "./event-stream.js";
import { checkHandlerOptions, type Handler, type HandlerOptions } from "./handler-options.js";
import { Holdings } from "./holdings.js";
import { type Asked, Intake } from "./intake.js";
import { limitsOf } from "./limits.js";
import { corsHeaders, preflight, refuseForeign } from "./origins.js";
import { isRefusal, jsonResponse, problemOf, Refusal, refuse } from "./refusal.js";
import { Runner } from "./runner.js";
import { asRefusal, isSuspended, waits } from "./runs.js";
import { streamEvents } from "./stream-events.js";
import { wantsEvents } from "./wants-events.js";

/** The overhead of an unread stream beside its text, in bytes. */
const STREAM_BYTES = 2_048;
const STREAM_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};

/**
 * Creates a web-standard request handler for a flow. The input is JSON by POST. The answer is JSON or, if the client
 * accepts `text/event-stream`, Server-Sent Events: `queued` while the caller waits, `data` for each `ctx.emit`,
 * `progress`, and finally `result` or `error`.
 *
 * A caller that disconnects aborts the run; the signal's reason is a SluiceError `CLIENT_GONE`. A hook that does not end
 * then keeps its place for at most `limits.grace` ms.
 *
 * @throws SluiceError `INVALID_NODE`, `INVALID_OPTION`, `UNKNOWN_OPTION`. The handler itself never rejects.
 * @example
 * ```ts
 * import { Flow, node } from "sluice";
 * import { createHandler } from "sluice/serve";
 *
 * const double = node({ post: (shared: { n: number; twice?: number }) => { shared.twice = shared.n * 2; } });
 * const handler = createHandler(new Flow(double), { output: ["twice"] });
 *
 * const headers = { "content-type": "application/json" };
 * const request = new Request("http://localhost/", { method: "POST", headers, body: '{"n":21}' });
 * await (await handler(request)).json(); // => { twice: 42 }
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
  const { origins = [], progressEvery = 100, heartbeat = 8_000, drain } = options;
  const limits = limitsOf(options.limits);
  const report = reporter(options.onError);
  const door = new Door(limits);
  const intake = new Intake(options, limits, new Holdings(limits.arriving, limits.bodies));
  const runner = new Runner(flow, options, limits, report);
  /** Unread streams of ended runs. */
  const unread = new Holdings(Number.POSITIVE_INFINITY, limits.bodies);
  const calls = new Set<Call>();
  let closed = false;

  const isClosing = () => closed || drain?.aborted === true;
  const closing = () => busy("The service is closing", door.retryAfter);
  const stop = (which: (call: Call) => boolean) => {
    for (const call of [...calls].filter(which)) {
      call.abort(new SluiceError("HANDLER_CLOSED", "The handler was closed before the run had ended"));
    }
  };
  drain?.addEventListener("abort", () => stop((call) => !call.hasRun), { once: true });

  /** The answer to a failure. Reports failures that the caller did not cause. */
  const blame = (error: unknown, { signal, request }: Call): Refusal => {
    const cause = asRefusal(signal.aborted ? signal.reason : error);
    if (isRefusal(cause)) return cause;
    if (drain?.aborted && cause === drain.reason) return closing();
    const code = cause instanceof SluiceError ? cause.code : undefined;
    const isOurs = signal.aborted;
    if (isOurs && code === "HANDLER_CLOSED") return closing();
    // The status that nginx uses for a closed connection; no client reads it.
    const gone = new Refusal(499, "The caller has gone");
    if (isOurs && code === "CLIENT_GONE") return gone;
    report(cause, request);
    if (isOurs && code === "SLOW_READER") return gone;
    return isOurs && code === "TIMEOUT"
      ? new Refusal(504, "The service took longer than it may")
      : new Refusal(500, "The flow failed");
  };

  const answerJson = async (call: Call, asked: Asked, named: Record<string, string>): Promise<Response> => {
    const turn = door.enter({ key: asked.key, bytes: asked.bytes, signal: call.signal });
    try {
      return jsonResponse(await runner.start(call, asked, turn, options.events), 200, named);
    } catch (error) {
      if (isSuspended(error)) return jsonResponse(waits(asked.id), 202, named);
      throw error;
    }
  };

  const answerStream = (call: Call, asked: Asked, named: Record<string, string>): Response => {
    let stream: EventStream | undefined;
    let place: number | undefined;
    const sendPlace = () => {
      // A slow reader gets only the latest place.
      if (stream?.unread === 0 && place !== undefined) stream.send("queued", JSON.stringify({ place }));
    };
    const onPlace = (now: number) => {
      place = now;
      sendPlace();
    };
    const turn = door.enter({ key: asked.key, bytes: asked.bytes, signal: call.signal, onPlace });
    stream = new EventStream({
      ...limits,
      heartbeat,
      onGone: () => call.abort(new SluiceError("CLIENT_GONE", "The caller has stopped reading")),
      onSlow: (error) => call.abort(error),
    });
    sendPlace();
    const { events, flush } = streamEvents(
      stream,
      progressEvery,
      (error) => call.abort(error),
      options.events,
    );
    call.outlives = true;
    void finishStream(call, asked, stream, flush, runner.start(call, asked, turn, events));
    return new Response(stream.body, { headers: { ...STREAM_HEADERS, ...named } });
  };

  /** Sends the answer, and keeps the stream until it has been read. Never rejects. */
  const finishStream = async (
    call: Call,
    asked: Asked,
    stream: EventStream,
    flush: () => void,
    json: Promise<string>,
  ) => {
    try {
      const text = await json;
      flush();
      stream.send("result", text);
    } catch (error) {
      if (isSuspended(error)) stream.send("suspended", waits(asked.id));
      else stream.send("error", JSON.stringify(problemOf(blame(error, call))));
    }
    stream.end();
    const holding = unread.add(stream.unread + STREAM_BYTES, () =>
      stream.cut("has left its answer unread, and others need the memory (`limits.bodies`)"),
    );
    await call.settled(stream.over, limits.grace);
    holding.release();
    stream.cut("has left its answer unread");
    call.end();
  };

  const answer = async (call: Call): Promise<Response> => {
    const { request } = call;
    if (isClosing()) throw closing();
    if (request.method === "OPTIONS") return preflight(request, origins, intake.methodsOf(request));
    refuseForeign(request, origins);
    const asked = await intake.take(call);
    if ("response" in asked) return asked.response;
    const named: Record<string, string> =
      asked.id === undefined ? {} : { "x-run-id": encodeURIComponent(asked.id) };
    return wantsEvents(request.headers.get("accept"))
      ? answerStream(call, asked, named)
      : await answerJson(call, asked, named);
  };

  const handler = async (request: Request): Promise<Response> => {
    const call = new Call(request, () => calls.delete(call));
    calls.add(call);
    try {
      return finished(await answer(call), request, corsHeaders(request, origins));
    } catch (error) {
      return finished(refuse(blame(error, call)), request, corsHeaders(request, origins));
    } finally {
      if (!call.outlives) call.end();
    }
  };

  return Object.assign(handler, {
    stats: () => ({ running: door.running, waiting: door.waiting, closed: isClosing() }),
    close: async (how: { readonly deadline?: number | undefined } = {}) => {
      checkOptions("close()", how, { deadline: aDelay });
      closed = true;
      stop((call) => !call.hasRun);
      const { deadline } = how;
      const timer = deadline === undefined ? undefined : setTimeout(stop, deadline, () => true);
      await Promise.all([...calls].map((call) => call.ended));
      clearTimeout(timer);
    },
  });
}

/** Adds the headers of every answer. */
function finished(response: Response, { method }: Request, cors: Record<string, string>): Response {
  const { headers, status } = response;
  // A browser must not sniff an answer as a page.
  headers.set("x-content-type-options", "nosniff");
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  for (const [name, value] of Object.entries(cors)) headers.set(name, value);
  return method === "HEAD" ? new Response(null, { status, headers }) : response;
}

/** Creates the reporter of failures. */
function reporter(onError: HandlerOptions["onError"]): (error: unknown, request: Request) => void {
  if (onError === undefined) {
    return (error) => warn("SLUICE_REQUEST_FAILED", `A request failed: ${describe(error)}`);
  }
  const failed = (failure: unknown) =>
    warn("SLUICE_LISTENER_FAILED", `\`onError\` of a handler failed: ${describe(failure)}`);
  return (error, request) => {
    Promise.resolve()
      .then(() => onError(error, request))
      .catch(failed);
  };
}

/** Formats any thrown value. */
function describe(error: unknown): string {
  try {
    return isError(error) ? (error.stack ?? String(error)) : String(error);
  } catch {
    return "something that has no words";
  }
}
