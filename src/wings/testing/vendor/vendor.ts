// The server of a fake vendor: reads, decides and answers each request.
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { describe, isPlainObject } from "sluice/internal";
import { complete } from "./answer.js";
import { completionOf, eventsOf } from "./completion.js";
import { type Dialect, type ErrorResponse, errorBody, refusal } from "./dialects.js";
import { embeddingsOf } from "./embeddings.js";
import type { FakeVendor, VendorCall, VendorStats } from "./fake-vendor.js";
import { errorOf, type Fault, spoil } from "./faults.js";
import { type Limit, makeLimit } from "./limits.js";
import { messageEventsOf, messageOf } from "./messages.js";
import type { VendorSettings } from "./options.js";
import { problemOf, readRequest, type VendorRequest } from "./request.js";
import { type Line, sendError, sendEvents, sendJson, wait } from "./send.js";

/** The number of calls kept. */
const KEPT = 1_000;

/** A response with status 400 and the reason. */
const invalid = (dialect: Dialect, param: string, message: string): ErrorResponse => ({
  status: 400,
  body: errorBody(400, dialect, { param, message }),
});

const endpoints = {
  "chat/completions": "chat",
  messages: "messages",
  embeddings: "embeddings",
} as const;

/** A fake model vendor on a loopback port. */
export class Vendor implements FakeVendor {
  readonly calls: VendorCall[] = [];
  url = "";
  readonly #settings: VendorSettings;
  readonly #server: Server;
  readonly #limits: readonly { readonly what: "requests" | "tokens"; readonly limit: Limit }[];
  #requests = 0;
  #accepted = 0;
  #refused = 0;
  #failed = 0;
  #tokens = 0;
  #running = 0;
  #peak = 0;

  constructor(settings: VendorSettings) {
    this.#settings = settings;
    const { per, window, burst } = settings;
    this.#limits = (["requests", "tokens"] as const).flatMap((what) => {
      const amount = settings[what];
      return amount === undefined ? [] : [{ what, limit: makeLimit(window, amount, per, burst) }];
    });
    this.#server = createServer((incoming, response) => void this.#serve(incoming, response));
    this.#server.on("connection", (socket) => socket.unref());
  }

  async listen(): Promise<void> {
    this.#server.listen(this.#settings.port, "127.0.0.1").unref();
    await once(this.#server, "listening");
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  stats(): VendorStats {
    return {
      requests: this.#requests,
      accepted: this.#accepted,
      refused: this.#refused,
      failed: this.#failed,
      tokens: this.#tokens,
      running: this.#running,
      peak: this.#peak,
    };
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** Answers a request. The failure of one request does not affect another. */
  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const index = this.#requests++;
    const leaving = new AbortController();
    response.once("close", () => {
      if (!response.writableFinished) leaving.abort();
    });
    response.setHeader("x-request-id", `req_${index}`);
    try {
      const request = await this.#read(incoming, index, leaving.signal);
      if ("status" in request) this.#fail(response, request);
      else await this.#decide(request, response);
    } catch (error) {
      if (leaving.signal.aborted || incoming.errored) return;
      const body = errorBody(500, this.#dialectOf(incoming.url?.endsWith("/messages")), {
        message: describe(error),
      });
      if (response.headersSent) response.destroy();
      else this.#fail(response, { status: 500, body });
    }
  }

  /** Returns the request, or the error response if it is invalid. */
  async #read(
    incoming: IncomingMessage,
    index: number,
    signal: AbortSignal,
  ): Promise<VendorRequest | ErrorResponse> {
    const { method, url = "" } = incoming;
    const sent = await text(incoming);
    const [, path] = /\/(chat\/completions|messages|embeddings)(?:\?|$)/.exec(url) ?? [];
    if (path === undefined || method !== "POST") {
      const known = Object.keys(endpoints).map((each) => `/v1/${each}`);
      const message = `Invalid URL (${method} ${url}); this vendor answers POST to ${known.join(", ")}`;
      return { status: 404, body: errorBody(404, "openai", { message }) };
    }
    const endpoint = endpoints[path as keyof typeof endpoints];
    const body = parse(sent);
    const fail = (param: string, message: string) =>
      invalid(endpoint === "messages" ? "anthropic" : "openai", param, message);
    if (!isPlainObject(body)) return fail("body", "The body of the request is not a JSON object.");
    const problem = problemOf(endpoint, body);
    return problem === undefined ? readRequest(endpoint, body, index, signal) : fail(...problem);
  }

  #dialectOf(isAnthropic = false): Dialect {
    return this.#settings.dialect ?? (isAnthropic ? "anthropic" : "openai");
  }

  async #decide(request: VendorRequest, response: ServerResponse): Promise<void> {
    const at = performance.now();
    const note = (status: number, fault?: Fault) => {
      if (this.calls.push({ request, at, status, fault }) > KEPT) this.calls.shift();
    };
    const fault = this.#settings.faultOf(request);
    const dialect = this.#dialectOf(request.endpoint === "messages");
    const error = errorOf(fault, dialect) ?? this.#limit(request, dialect, at);
    note(error?.status ?? 200, fault);
    if (error !== undefined) return this.#fail(response, error);
    const settle = this.#accept(request, response, at);
    if (fault === "hang") return;
    await this.#answer(
      request,
      { response, signal: request.signal, fault, pace: this.#settings.pace },
      settle,
    );
  }

  /** Returns the refusal if a limit is used up. */
  #limit(request: VendorRequest, dialect: Dialect, now: number): ErrorResponse | undefined {
    if (this.#running >= this.#settings.concurrency) return refusal(dialect, 50, "requests");
    const waits = this.#limits.map(({ what, limit }) => ({
      what,
      ms: limit.wait(sizeOf(request, what), now),
    }));
    const longest = waits.reduce((a, b) => (b.ms > a.ms ? b : a), { what: "requests", ms: 0 });
    return longest.ms > 0 ? refusal(dialect, longest.ms, longest.what) : undefined;
  }

  /** Takes what a request may use. The returned function settles the tokens. */
  #accept(request: VendorRequest, response: ServerResponse, now: number): (tokens: number) => void {
    this.#accepted++;
    this.#peak = Math.max(this.#peak, ++this.#running);
    response.once("close", () => this.#running--);
    const settled = this.#limits.map(({ what, limit }) => {
      const settle = limit.take(sizeOf(request, what), now);
      return (tokens: number) => what === "tokens" && settle(tokens);
    });
    return (tokens) => {
      this.#tokens += tokens;
      for (const settle of settled) settle(tokens);
    };
  }

  #fail(response: ServerResponse, error: ErrorResponse): void {
    if (error.status === 429) this.#refused++;
    else if (error.status >= 400) this.#failed++;
    else this.#accepted++;
    sendError(response, error);
  }

  async #answer(request: VendorRequest, line: Line, settle: (tokens: number) => void): Promise<void> {
    const { answer, embed, delayOf } = this.#settings;
    if (request.endpoint === "embeddings") {
      const { tokens, body } = embeddingsOf(request, embed, line.fault);
      settle(tokens);
      await wait(delayOf(request), line.signal);
      return sendJson(line, body);
    }
    const whole = complete(await answer(request), request);
    const { usage = { prompt_tokens: 0, completion_tokens: 0 } } = whole;
    settle(usage.prompt_tokens + usage.completion_tokens);
    const completion = spoil(whole, line.fault, request);
    await wait(delayOf(request), line.signal);
    const [json, events] =
      request.endpoint === "messages" ? [messageOf, messageEventsOf] : [completionOf, eventsOf];
    return request.stream
      ? sendEvents(line, events(completion, request))
      : sendJson(line, json(completion, request));
  }
}

/** What a request reserves of a limit before its answer is known. */
function sizeOf({ body, tokens }: VendorRequest, what: "requests" | "tokens"): number {
  if (what === "requests") return 1;
  const most = body.max_completion_tokens ?? body.max_tokens;
  return tokens + (typeof most === "number" ? most : 0);
}

function parse(sent: string): unknown {
  try {
    return JSON.parse(sent);
  } catch {
    return undefined;
  }
}
