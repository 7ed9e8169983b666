// The error of a failed call of another service.
import { type ErrorCode, SluiceError } from "sluice";
import "./error-codes.js";
import type { Issue } from "./refusal.js";

/**
 * The failure of a {@link remote} call: `REMOTE_FAILED` if the service answered with an error, `REMOTE_BROKEN` without
 * a complete answer. A Gate reads `status` and `headers`, and pauses as the service requests.
 */
export class RemoteError extends SluiceError {
  /** The status of the answer; `undefined` without an answer. */
  readonly status: number | undefined;
  /** The headers of the answer, from which a Gate reads `retry-after`. */
  readonly headers: Headers | undefined;
  /** The issues of the input, for a 400. */
  readonly issues: readonly Issue[];

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      readonly status?: number | undefined;
      readonly headers?: Headers | undefined;
      readonly issues?: readonly Issue[] | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super(code, message, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = options.status;
    this.headers = options.headers;
    this.issues = options.issues ?? [];
  }
}
Object.defineProperty(RemoteError.prototype, "name", { value: "RemoteError", configurable: true });

const WORTH_IT = new Set([408, 429, 500, 502, 503, 504]);

/** The default `retryIf` of a remote node: network errors, timeouts, and overloaded services. */
export function mayPass(error: unknown): boolean {
  if (error instanceof RemoteError) return error.status === undefined || WORTH_IT.has(error.status);
  return error instanceof SluiceError && error.code === "TIMEOUT";
}
