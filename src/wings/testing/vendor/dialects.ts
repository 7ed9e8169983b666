// The dialects of a 429: the same wait in the headers and body of each service.

/** How a 429 states the wait. */
export type Dialect =
  | "openai"
  | "azure"
  | "anthropic"
  | "google"
  | "date"
  | "reset"
  | "epoch"
  | "text"
  | "silent";

/** An error response. */
export interface ErrorResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** A text is sent as it is, with the content type in `headers`; any other value as JSON. */
  readonly body: unknown;
}

const seconds = (ms: number) => String(Math.ceil(ms / 1_000));
const after = (ms: number) => Date.now() + ms;
/** A duration as OpenAI writes it, such as `1m2.5s`; durations below a second in whole ms. */
function duration(ms: number): string {
  if (ms < 1_000) return `${Math.ceil(ms)}ms`;
  const minutes = Math.floor(ms / 60_000);
  return `${minutes > 0 ? `${minutes}m` : ""}${Math.ceil(ms % 60_000) / 1_000}s`;
}
/** An HTTP date has whole seconds, so this rounds up. */
const date = (ms: number) => new Date(Math.ceil(after(ms) / 1_000) * 1_000).toUTCString();

const openAi = (type: string, message: string) => ({
  error: { message, type, param: null, code: "rate_limit_exceeded" },
});

type Said = (wait: number, what: string, message: string) => Omit<ErrorResponse, "status">;

const dialects: Record<Dialect, Said> = {
  openai: (wait, what, message) => ({
    headers: {
      "retry-after-ms": String(Math.ceil(wait)),
      "retry-after": seconds(wait),
      [`x-ratelimit-remaining-${what}`]: "0",
      [`x-ratelimit-reset-${what}`]: duration(wait),
    },
    body: openAi(what, `${message} Please try again in ${duration(wait)}.`),
  }),
  azure: (wait, _what, message) => ({
    headers: { "retry-after": seconds(wait) },
    body: { error: { code: "429", message: `${message} Please retry after ${seconds(wait)} seconds.` } },
  }),
  anthropic: (wait, what, message) => ({
    headers: {
      "retry-after": seconds(wait),
      [`anthropic-ratelimit-${what}-reset`]: new Date(after(wait)).toISOString(),
    },
    body: { type: "error", error: { type: "rate_limit_error", message } },
  }),
  google: (wait, _what, message) => ({
    body: {
      error: {
        code: 429,
        message,
        status: "RESOURCE_EXHAUSTED",
        details: [
          { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: `${Math.ceil(wait) / 1_000}s` },
        ],
      },
    },
  }),
  date: (wait, what, message) => ({ headers: { "retry-after": date(wait) }, body: openAi(what, message) }),
  reset: (wait, what, message) => ({
    headers: { [`x-ratelimit-remaining-${what}`]: "0", [`x-ratelimit-reset-${what}`]: duration(wait) },
    body: openAi(what, message),
  }),
  epoch: (wait, what, message) => ({
    headers: { "x-ratelimit-reset": String(Math.ceil(after(wait))) },
    body: openAi(what, message),
  }),
  text: (wait) => ({
    headers: { "retry-after": seconds(wait), "content-type": "text/plain" },
    body: "Too Many Requests",
  }),
  silent: (_wait, what, message) => ({ body: openAi(what, message) }),
};

export const dialectNames = Object.keys(dialects) as Dialect[];

/** The response with status 429. @param what - `"requests"` or `"tokens"`. */
export function refusal(dialect: Dialect, wait: number, what: string): ErrorResponse {
  return { status: 429, ...dialects[dialect](wait, what, `Rate limit reached on ${what}.`) };
}

const statuses: Readonly<Record<number, readonly [type: string, code: string | null, message: string]>> = {
  400: ["invalid_request_error", null, "The request is invalid."],
  401: ["invalid_request_error", "invalid_api_key", "Incorrect API key provided."],
  403: [
    "invalid_request_error",
    "unsupported_country_region_territory",
    "The service is not available here.",
  ],
  404: ["invalid_request_error", "model_not_found", "The model does not exist."],
  500: ["server_error", null, "The server had an error while processing your request."],
  503: ["server_error", null, "The engine is currently overloaded, please try again later."],
  529: ["overloaded_error", null, "Overloaded"],
};

const anthropicTypes: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  529: "overloaded_error",
};

/** The body of an error other than 429. */
export function errorBody(
  status: number,
  dialect: Dialect,
  detail?: { message: string; param?: string },
): unknown {
  const [type, code, text] = statuses[status] ?? ["api_error", null, `Status ${status}.`];
  const message = detail?.message ?? text;
  if (dialect === "anthropic")
    return { type: "error", error: { type: anthropicTypes[status] ?? "api_error", message } };
  return { error: { message, type, param: detail?.param ?? null, code } };
}
