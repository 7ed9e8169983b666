// The faults of answers, and the effect of each.
import { isPlainObject, quote, show } from "sluice/internal";
import type { Completion } from "./answer.js";
import { type Dialect, dialectNames, type ErrorResponse, errorBody, refusal } from "./dialects.js";
import type { VendorRequest } from "./request.js";

/**
 * A fault that the status of the answer does not show:
 *
 * - `"odd-chunks"`: the answer is right, but its body arrives in pieces that cut characters and lines in two, with
 * comments and CRLF in a stream.
 * - `"refusal"`: the model refuses, with a `refusal` and no content.
 * - `"content-filter"`: half the text, then `finish_reason: "content_filter"`.
 * - `"length"`: half the text or half the arguments, then `finish_reason: "length"`.
 * - `"no-choices"`: an empty list of choices, or of embeddings.
 * - `"null-content"`: neither content nor a refusal.
 * - `"no-usage"`: the answer has no token counts.
 * - `"two-tool-calls"`: the answer's tool call is sent twice, if the request has tools.
 * - `"html"`: a page of a proxy, with status 200.
 * - `"quota"`: the error of an account without credit: 429, or 400 in Anthropic's dialect.
 * - `"hang"`: no answer; the connection stays open.
 * - `"stall"`: half of the answer; then the connection stays open.
 * - `"disconnect"`: half of the answer; then the connection breaks.
 */
export type FaultName = (typeof faultNames)[number];

const faultNames = [
  "odd-chunks",
  "refusal",
  "content-filter",
  "length",
  "no-choices",
  "null-content",
  "no-usage",
  "two-tool-calls",
  "html",
  "quota",
  "hang",
  "stall",
  "disconnect",
] as const;

/** An error response as a fault. */
export interface FaultResponse {
  /** From 400 to 599. */
  readonly status: number;
  /** How a 429 states the wait. @default the vendor's */
  readonly dialect?: Dialect | undefined;
  /** The wait in a 429, in ms; with another status the header `retry-after`. @default 50 for a 429, else none */
  readonly retryAfter?: number | undefined;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** A text is sent as it is, any other value as JSON. @default the vendor's error */
  readonly body?: unknown;
}

/** A fault: a status from 400 to 599, the name of a fault, or an error response. */
export type Fault = number | FaultName | FaultResponse;

const isStatus = (value: unknown) => Number.isInteger(value) && Number(value) >= 400 && Number(value) <= 599;
const keys = ["status", "dialect", "retryAfter", "headers", "body"];

/** The expected form of a fault, for messages. */
export const FAULT = `a status from 400 to 599, { ${keys.join(", ")} }, or ${faultNames.map((name) => quote(name)).join(" or ")}`;

export function isFault(value: unknown): value is Fault {
  if (typeof value !== "object") return isStatus(value) || faultNames.includes(value as FaultName);
  if (!isPlainObject(value) || !isStatus(value.status)) return false;
  const { dialect = "openai", retryAfter = 0 } = value;
  return (
    Object.keys(value).every((key) => keys.includes(key)) &&
    dialectNames.includes(dialect as Dialect) &&
    typeof retryAfter === "number" &&
    retryAfter >= 0
  );
}

/** Checks the result of a function of faults. @throws TypeError */
export function checkFault(value: unknown): Fault | undefined {
  if (value === undefined || value === null) return undefined;
  if (isFault(value)) return value;
  throw new TypeError(`Expected faults() to give undefined, ${FAULT}; got ${show(value)}`);
}

/** The error response of a fault that is one. */
export function errorOf(fault: Fault | undefined, dialect: Dialect): ErrorResponse | undefined {
  if (fault === undefined) return undefined;
  if (fault === "html")
    return {
      status: 200,
      headers: { "content-type": "text/html" },
      body: "<!doctype html><title>Sign in</title><h1>Sign in to the network</h1>",
    };
  if (fault === "quota" && dialect === "anthropic") {
    const message = "Your credit balance is too low to access the Anthropic API.";
    return { status: 400, body: errorBody(400, dialect, { message }) };
  }
  if (fault === "quota") {
    const message = "You exceeded your current quota, please check your plan and billing details.";
    const code = "insufficient_quota";
    return { status: 429, body: { error: { message, type: code, param: null, code } } };
  }
  if (typeof fault === "string") return undefined;
  const { status, headers, ...rest } =
    typeof fault === "number" ? ({ status: fault } as FaultResponse) : fault;
  const error = withStatus(status, rest, dialect);
  const body = rest.body === undefined ? error.body : rest.body;
  return { status, headers: { ...error.headers, ...headers }, body };
}

function withStatus(status: number, fault: Omit<FaultResponse, "status">, dialect: Dialect): ErrorResponse {
  const own = fault.dialect ?? dialect;
  if (status === 429) return refusal(own, fault.retryAfter ?? 50, "requests");
  const wait = fault.retryAfter;
  const headers = wait === undefined ? undefined : { "retry-after": String(Math.ceil(wait / 1_000)) };
  return { status, headers, body: errorBody(status, own) };
}

const half = (text: string): string => {
  const characters = [...text];
  return characters.slice(0, Math.ceil(characters.length / 2)).join("");
};

const cut = (completion: Completion, finishReason: string): Completion => ({
  ...completion,
  content: completion.content === null ? null : half(completion.content),
  toolCalls: completion.toolCalls.map((call) => ({ ...call, arguments: half(call.arguments) })),
  finishReason,
});

const spoilers: { readonly [N in FaultName]?: (whole: Completion, request: VendorRequest) => Completion } = {
  refusal: (whole) => ({
    ...whole,
    content: null,
    refusal: "I'm sorry, I can't help with that.",
    toolCalls: [],
    finishReason: "stop",
  }),
  "content-filter": (whole) => cut(whole, "content_filter"),
  length: (whole) => cut(whole, "length"),
  "no-choices": (whole) => ({ ...whole, isEmpty: true }),
  "null-content": (whole) => ({ ...whole, content: null, toolCalls: [], finishReason: "stop" }),
  "no-usage": (whole) => ({ ...whole, usage: undefined }),
  "two-tool-calls": (whole, request) => {
    const { tools } = request;
    const [first, ...others] = whole.toolCalls;
    if (tools.length === 0 || others.length > 0) return whole;
    const call = first ?? { id: `call_${request.index}_0`, name: tools[0] ?? "", arguments: "{}" };
    return {
      ...whole,
      content: null,
      toolCalls: [call, { ...call, id: `${call.id}_again` }],
      finishReason: "tool_calls",
    };
  },
};

/** Applies a fault to an answer; most faults do not change it. */
export function spoil(whole: Completion, fault: Fault | undefined, request: VendorRequest): Completion {
  const spoiler = typeof fault === "string" ? spoilers[fault] : undefined;
  return spoiler?.(whole, request) ?? whole;
}
