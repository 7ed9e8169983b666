// The intake of a request: authorization, route and input, within the limits of arrival, because the caller determines
// how long it takes.
import { SluiceError } from "sluice";
import { isPlainObject } from "sluice/internal";
import { badInput, checkHeaders, readBody } from "./body.js";
import type { Call } from "./call.js";
import type { HandlerOptions } from "./handler-options.js";
import type { Holding, Holdings } from "./holdings.js";
import { toJson } from "./json.js";
import type { Limits } from "./limits.js";
import { JsonFault, parseJson } from "./parse-json.js";
import { jsonResponse, Refusal } from "./refusal.js";
import { answer, type HandlerJournal, noSuchRun, publicState, type RunRoute, routeOf } from "./runs.js";
import { check } from "./schema.js";

/** A request for a run. */
export interface Asked {
  readonly id: string | undefined;
  readonly key: string;
  /** The size of its body. */
  readonly bytes: number;
  /** The checked input; `undefined` for a run that is resumed without one. */
  readonly input: { readonly value: unknown } | undefined;
}

/** A request answered without a run. */
export interface Answered {
  readonly response: Response;
}

/** Reads requests for a handler. */
export class Intake {
  readonly #options: HandlerOptions;
  readonly #limits: Limits;
  readonly #arrivals: Holdings;

  constructor(options: HandlerOptions, limits: Limits, arrivals: Holdings) {
    this.#options = options;
    this.#limits = limits;
    this.#arrivals = arrivals;
  }

  /** The methods that the URL of a request permits. @throws Refusal 404 */
  methodsOf(request: Request): string {
    const route = this.#options.journal && routeOf(request.url);
    return route !== undefined && route.token === undefined ? "GET, HEAD, POST, OPTIONS" : "POST, OPTIONS";
  }

  /**
   * Reads a request and checks it.
   *
   * @throws Refusal; the signal's reason; the error of a function in the options.
   */
  async take(call: Call): Promise<Asked | Answered> {
    const { arrival } = this.#limits;
    const arriving = new Arriving(call, this.#arrivals, arrival);
    try {
      return await call.orAborted(() => this.#take(call, arriving));
    } finally {
      arriving.end();
    }
  }

  async #take({ request, signal }: Call, arriving: Arriving): Promise<Asked | Answered> {
    const { journal, authorize } = this.#options;
    const route = journal && routeOf(request.url);
    this.#checkMethod(request);
    const allowed: unknown = await authorize?.(request);
    // `authorize: (request) => request.headers.get("x-key") === key` must not admit every caller.
    if (allowed !== undefined && !allowed) throw new Refusal(403, "Not allowed");
    if (route !== undefined) {
      const answered = await this.#answerRoute(request, signal, route, arriving);
      if (answered !== undefined) return { response: answered };
    }
    const key = String(await this.#limits.key(request));
    const id = journal && (route?.id ?? crypto.randomUUID());
    const text = await this.#text(request, signal, arriving, route !== undefined);
    if (route !== undefined && text === "") {
      if ((await journal?.run(route.id)) === undefined) throw noSuchRun();
      return { id, key, bytes: 0, input: undefined };
    }
    const value = await this.#checked(this.#parse(text));
    return { id, key, bytes: arriving.bytes, input: { value } };
  }

  #checkMethod(request: Request): void {
    const allow = this.methodsOf(request);
    if (allow.split(", ").includes(request.method)) return;
    const expected = allow.split(", ").slice(0, -1).join(", ");
    throw new Refusal(405, `Expected ${expected}, got ${request.method}`, { headers: { allow } });
  }

  /** Answers a request for the state of a run, or with an answer to a question. */
  async #answerRoute(
    request: Request,
    signal: AbortSignal,
    route: RunRoute,
    arriving: Arriving,
  ): Promise<Response | undefined> {
    const { runs } = this.#options;
    const journal = this.#options.journal as HandlerJournal;
    if (runs === undefined || !(await runs.authorize(request, route.id))) throw noSuchRun();
    if (route.token !== undefined) {
      await answer(journal, route, this.#parse(await this.#text(request, signal, arriving, false)));
      return new Response(null, { status: 204 });
    }
    if (request.method === "POST") return undefined;
    const run = await journal.run(route.id);
    if (run === undefined) throw noSuchRun();
    return jsonResponse(toJson("The run", publicState(route.id, run)));
  }

  /**
   * Reads the body. An optional body may be empty and then needs no content type: in servers of Node a request without
   * a body has an empty stream.
   */
  async #text(
    request: Request,
    signal: AbortSignal,
    arriving: Arriving,
    isOptional: boolean,
  ): Promise<string> {
    const { body } = this.#limits;
    const mayBeNone = isOptional && !request.headers.has("content-type");
    if (!mayBeNone) checkHeaders(request, body);
    const text = await arriving.reading(() =>
      readBody(request, body, signal, (count) => arriving.grow(count)),
    );
    if (mayBeNone && text !== "") checkHeaders(request, body);
    return text;
  }

  #parse(text: string): unknown {
    const { depth } = this.#limits;
    if (text.trim() === "") throw badInput("Expected a JSON document, got an empty body");
    try {
      return parseJson(text, depth);
    } catch (error) {
      throw error instanceof JsonFault ? badInput(error.message) : error;
    }
  }

  async #checked(value: unknown): Promise<unknown> {
    const { input, toShared } = this.#options;
    if (input !== undefined) return check(input, value);
    if (toShared === undefined && !isPlainObject(value)) throw badInput("Expected a JSON object");
    return value;
  }
}

/** An arriving request: counted, and limited in time. */
class Arriving {
  readonly #holding: Holding;
  readonly #timer: ReturnType<typeof setTimeout>;
  /** Whether the time is spent on the body, and not in functions of the options. */
  #isReading = false;

  constructor(call: Call, arrivals: Holdings, arrival: number) {
    this.#holding = arrivals.add(0, () => {
      const message = "Too many requests arrive at once, and this one was the slowest";
      call.abort(new Refusal(503, message, { headers: { "retry-after": "1" } }));
    });
    this.#timer = setTimeout(() => {
      if (this.#isReading) call.abort(new Refusal(408, `The body took longer than ${arrival} ms`));
      else {
        const message = `\`authorize\`, \`runs\`, \`limits.key\` or \`input\` took longer than \`limits.arrival: ${arrival}\` ms`;
        call.abort(new SluiceError("TIMEOUT", message));
      }
    }, arrival);
  }

  get bytes(): number {
    return this.#holding.bytes;
  }

  grow(bytes: number): void {
    this.#holding.grow(bytes);
  }

  async reading<T>(read: () => Promise<T>): Promise<T> {
    this.#isReading = true;
    try {
      return await read();
    } finally {
      this.#isReading = false;
    }
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#holding.release();
  }
}
