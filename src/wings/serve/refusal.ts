// What a handler answers when it does not run the flow: a status, words, and where the fault is.

/** One fault of an input. */
export interface Issue {
  /** The keys that lead to it; empty for the input as a whole. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** The body of every answer that is no result, under `error`. */
export interface Problem {
  readonly status: number;
  readonly message: string;
  readonly issues?: readonly Issue[] | undefined;
}

interface RefusalOptions {
  readonly issues?: readonly Issue[] | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly cause?: unknown;
}

/** A request that is turned down. Never leaves the handler but as a response. */
export class Refusal extends Error {
  readonly status: number;
  readonly issues: readonly Issue[] | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;

  constructor(status: number, message: string, { issues, headers, cause }: RefusalOptions = {}) {
    super(message, { cause });
    this.status = status;
    this.issues = issues;
    this.headers = headers;
  }

  get problem(): Problem {
    const { status, message, issues } = this;
    return { status, message, ...(issues && { issues }) };
  }
}

/** An answer in JSON. */
export function jsonResponse(
  text: string,
  status = 200,
  headers?: Readonly<Record<string, string>>,
): Response {
  return new Response(text, { status, headers: { "content-type": "application/json", ...headers } });
}

export const refuse = ({ status, headers, problem }: Refusal): Response =>
  jsonResponse(JSON.stringify({ error: problem }), status, headers);
