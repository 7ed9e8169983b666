// The answer of a handler that does not run the flow: a status, a message, and the issues of the input.
import { SluiceError } from "sluice";
import { isError, show } from "sluice/internal";

/** One issue of an input. */
export interface Issue {
  /** The path to it; empty for the input as a whole. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** The body of every answer that is not a result, under `error`. */
export interface Problem {
  readonly status: number;
  readonly message: string;
  readonly issues?: readonly Issue[] | undefined;
}

/** Further parts of a {@link Refusal}. */
export interface RefusalOptions {
  /** The issues of the input. */
  readonly issues?: readonly Issue[] | undefined;
  /** Headers of the answer, such as `www-authenticate`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The cause; the caller does not get it. */
  readonly cause?: unknown;
}

/**
 * Refuses a request. If `authorize`, another function of a handler or the flow throws it, the answer is
 * `{ "error": { status, message, issues } }`: its message is for the caller. It is not a failure, so `onError` is not
 * called.
 *
 * @throws SluiceError `INVALID_OPTION` for a status that is not an integer from 400 to 599.
 * @example
 * ```ts
 * import { Flow, node } from "sluice";
 * import { createHandler, Refusal } from "sluice/serve";
 *
 * const handler = createHandler(new Flow(node({})), {
 *   authorize: (request) => {
 *     const isKnown = request.headers.get("authorization") === "Bearer s3cret";
 *     if (!isKnown) throw new Refusal(401, "Send a key", { headers: { "www-authenticate": "Bearer" } });
 *   },
 * });
 * const answer = await handler(new Request("http://localhost/", { method: "POST", body: "{}" }));
 * answer.status; // => 401
 * ```
 */
export class Refusal extends Error {
  readonly status: number;
  readonly issues: readonly Issue[] | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;

  constructor(status: number, message: string, { issues, headers, cause }: RefusalOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    if (!Number.isInteger(status) || status < 400 || status > 599) {
      const expected = "expected `status` to be an integer from 400 to 599, such as 401 or 403";
      throw new SluiceError("INVALID_OPTION", `new Refusal(): ${expected}, got ${show(status)}`);
    }
    this.status = status;
    this.issues = issues;
    this.headers = headers;
  }
}
Object.defineProperty(Refusal.prototype, "name", { value: "Refusal", configurable: true });

/** By name, to recognise a Refusal of the other module format. */
export const isRefusal = (error: unknown): error is Refusal =>
  isError(error) && error.name === "Refusal" && typeof (error as Partial<Refusal>).status === "number";

export const problemOf = ({ status, message, issues }: Refusal): Problem => ({
  status,
  message,
  ...(issues && { issues }),
});

/** Creates an answer in JSON. */
export function jsonResponse(
  text: string,
  status = 200,
  headers?: Readonly<Record<string, string>>,
): Response {
  return new Response(text, { status, headers: { "content-type": "application/json", ...headers } });
}

export const refuse = (refusal: Refusal): Response =>
  jsonResponse(JSON.stringify({ error: problemOf(refusal) }), refusal.status, refusal.headers);
