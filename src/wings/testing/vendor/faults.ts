// What can be wrong with an answer, and what each fault makes of it.
import { isPlainObject, quote, show } from "sluice/internal";
import type { Completion } from "./answer.js";
import { type Dialect, dialectNames, type ErrorResponse, errorBody, refusal } from "./dialects.js";
import type { VendorRequest } from "./request.js";

/**
 * What is wrong with an answer whose status says nothing of it:
 *
 * - `"odd-chunks"`: all is right, but the body comes in pieces that cut characters and lines in two, with comments and
 *   CRLF in a stream.
 * - `"refusal"`: the model refuses; there is a `refusal` and no content.
 * - `"content-filter"`: half the text, then `finish_reason: "content_filter"`.
 * - `"length"`: half the text or half the arguments, then `finish_reason: "length"`.
 * - `"no-choices"`: an empty list of choices, or of embeddings.
 * - `"null-content"`: no text and no reason.
 * - `"no-usage"`: nothing says how many tokens it took.
 * - `"two-tool-calls"`: two calls where the answer has one, if the request has tools.
 * - `"html"`: a page of a proxy, with status 200.
 * - `"quota"`: 429 of an account with nothing left to spend, in the dialect of Anthropic 400.
 * - `"hang"`: no answer; the connection stays open.
 * - `"stall"`: half of the answer, and then nothing; the connection stays open.
 * - `"disconnect"`: half of the answer, and then the connection breaks.
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

/** An error as a fault. */
export interface FaultResponse {
  /** From 400 to 599. */
  readonly status: number;
  /** How a 429 says how long to wait. @default the vendor's */
  readonly dialect?: Dialect | undefined;
  /** The wait that a 429 names, in ms; of another status it is a header `retry-after`. @default 50 for a 429, else none */
  readonly retryAfter?: number | undefined;
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** A text is sent as it is, all else as JSON. @default the error of the vendor */
  readonly body?: unknown;
}

/** What goes wrong with a request: a status from 400 to 599, a fault by its name, or an error in its parts. */
export type Fault = number | FaultName | FaultResponse;

const isStatus = (value: unknown) => Number.isInteger(value) && Number(value) >= 400 && Number(value) <= 599;
const keys = ["status", "dialect", "retryAfter", "headers", "body"];

/** What is expected of a fault, for messages. */
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

/** Checks what a function of faults gave. @throws TypeError */
export function checkFault(value: unknown): Fault | undefined {
  if (value === undefined || value === null) return undefined;
  if (isFault(value)) return value;
  throw new TypeError(`Expected faults() to give undefined, ${FAULT}; got ${show(value)}`);
}

/** The answer that is an error, of a fault that is one. */
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

/** What a fault makes of an answer; most leave it as it is. */
export function spoil(whole: Completion, fault: Fault | undefined, request: VendorRequest): Completion {
  const spoiler = typeof fault === "string" ? spoilers[fault] : undefined;
  return spoiler?.(whole, request) ?? whole;
}
