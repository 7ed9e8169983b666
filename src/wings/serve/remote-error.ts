// What a call of another service came to, when it came to no result.
import { type ErrorCode, SluiceError } from "sluice";
import "./error-codes.js";
import type { Issue } from "./refusal.js";

/**
 * The failure of a {@link remote} call: `REMOTE_FAILED` for one that the service answered, `REMOTE_BROKEN` for
 * one that has no whole answer. A Gate reads `status` and `headers`, and pauses as the service asks.
 */
export class RemoteError extends SluiceError {
  /** The status of the answer; `undefined` where none came. */
  readonly status: number | undefined;
  /** The headers of the answer; of those the Gate reads `retry-after`. */
  readonly headers: Headers | undefined;
  /** Where the input is at fault, for a 400. */
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

/** The default of a remote node's `retryIf`: the network, a timeout, or a service in trouble. */
export function mayPass(error: unknown): boolean {
  if (error instanceof RemoteError) return error.status === undefined || WORTH_IT.has(error.status);
  return error instanceof SluiceError && error.code === "TIMEOUT";
}
