// One call of a handler at the client: the request, the events, and the result.
import { type Awaitable, type Context, SluiceError, type StandardSchema } from "sluice";
import { isError, isPlainObject, issuesOf, quote } from "sluice/internal";
import { toJson } from "./json.js";
import { parseJson } from "./parse-json.js";
import { readEvents } from "./read-events.js";
import type { Issue } from "./refusal.js";
import { RemoteError } from "./remote-error.js";
import { redactor } from "./secrets.js";
import { sendPost } from "./send-post.js";

/** The target of a call, and the requirements on its answer. */
export interface Answering {
  readonly url: URL;
  readonly name: string;
  readonly result: StandardSchema | undefined;
  readonly headers:
    | Readonly<Record<string, string>>
    | ((ctx: Context) => Awaitable<Readonly<Record<string, string>>>)
    | undefined;
  readonly fetch: typeof fetch | undefined;
  readonly maxEvent: number;
}

/** The maximum depth of objects and arrays in an answer. */
const DEEPEST = 1_000;

/** A call in flight, with its name for messages. */
interface Calling extends Answering {
  readonly at: string;
  readonly redact: (text: string) => string;
}

/** Calls a handler, forwards its data, and returns its result. @throws RemoteError; the signal's reason. */
export async function callRemote(answering: Answering, input: unknown, ctx: Context): Promise<unknown> {
  const { signal } = ctx;
  const { name, url } = answering;
  const at = `${quote(name)} (${url.origin}${url.pathname})`;
  const body = toJson(`${quote(name)}, prep()`, input);
  const own = typeof answering.headers === "function" ? await answering.headers(ctx) : answering.headers;
  const sent = headersOf(at, own);
  const to: Calling = { ...answering, at, redact: redactor(url, sent) };
  const headers = new Headers(sent);
  headers.set("content-type", "application/json");
  headers.set("accept", "text/event-stream");

  let response: Response;
  try {
    response = await sendPost(to.fetch ?? fetch, url, { headers, body, signal }, at);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof RemoteError) throw cause;
    throw broken(to, "could not be reached", cause);
  }
  const streams = /^text\/event-stream\b/i.test(response.headers.get("content-type") ?? "");
  try {
    const result = response.ok && streams ? await resultOf(to, response, ctx) : await jsonOf(to, response);
    return await checked(to, result);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof RemoteError) throw cause;
    throw broken(to, "did not complete its answer", cause);
  }
}

/** The platform's error for an invalid header has its value, so it is not used as a cause. */
function headersOf(at: string, own: Readonly<Record<string, string>> | undefined): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(own ?? {})) {
    try {
      headers.set(name, value);
    } catch {
      throw new SluiceError(
        "INVALID_OPTION",
        `${at}: expected \`headers\` to be valid, got a value of ${quote(name)} that no header can have, such as one with a line end`,
      );
    }
  }
  return headers;
}

const broken = ({ at, redact }: Calling, what: string, cause: unknown): RemoteError =>
  new RemoteError("REMOTE_BROKEN", `${at} ${what}: ${redact(rootOf(cause))}`, { cause });

async function resultOf(to: Calling, response: Response, ctx: Context): Promise<unknown> {
  const { at } = to;
  const tooLong = () => longer(to);
  for await (const { event, data } of readEvents(bodyOf(response), to.maxEvent, tooLong)) {
    if (event === "data") await ctx.emit(parsed(to, data));
    else if (event === "result") return parsed(to, data);
    else if (event === "suspended") throw waiting(at);
    else if (event === "error") throw failed(to, parsed(to, data), 500, response.headers);
  }
  throw new RemoteError("REMOTE_BROKEN", `${at} ended its stream without a result`);
}

async function jsonOf(to: Calling, response: Response): Promise<unknown> {
  const { status, headers, ok } = response;
  if (status === 202) throw waiting(to.at);
  const text = await textOf(to, response);
  if (ok) return parsed(to, text);
  let value: unknown;
  try {
    value = parseJson(text, DEEPEST);
  } catch {} // A proxy has its own format.
  throw failed(to, isPlainObject(value) ? value.error : undefined, status, headers);
}

function parsed({ at, redact }: Calling, text: string): unknown {
  try {
    return parseJson(text, DEEPEST);
  } catch (cause) {
    const why = redact((cause as Error).message);
    throw new RemoteError("REMOTE_BROKEN", `${at} answered with invalid JSON for this node: ${why}`, {
      cause,
    });
  }
}

async function textOf(to: Calling, response: Response): Promise<string> {
  const reader = bodyOf(response).getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
    if (text.length <= to.maxEvent) continue;
    reader.cancel().catch(() => {});
    throw longer(to);
  }
}

const bodyOf = (response: Response): ReadableStream<Uint8Array> =>
  (response.body as ReadableStream<Uint8Array> | null) ?? new Blob([]).stream();

/** Creates the error of a failed answer, which may come from a proxy in its own format. */
function failed({ at, redact }: Calling, problem: unknown, status: number, headers: Headers): RemoteError {
  const said = isPlainObject(problem) ? problem : {};
  const own = typeof said.status === "number" ? said.status : status;
  const issues = Array.isArray(said.issues) ? (said.issues as unknown[]).filter(isIssue) : [];
  const message = typeof said.message === "string" ? said.message.slice(0, 500) : "no reason was given";
  const details = issues.slice(0, 3).map(({ path, message }) => `${path.join(".") || "input"}: ${message}`);
  const text = `${at} answered ${own}: ${redact([message, ...details].join("; "))}`;
  return new RemoteError("REMOTE_FAILED", text, { status: own, headers, issues });
}

/** The service keeps the run and resumes it once a person has answered; this call does not get its result. */
const waiting = (at: string): RemoteError =>
  new RemoteError("REMOTE_FAILED", `${at} has no result yet: its run waits for a person`, { status: 202 });

const isIssue = (value: unknown): value is Issue =>
  isPlainObject(value) && Array.isArray(value.path) && typeof value.message === "string";

async function checked({ result, at }: Calling, value: unknown): Promise<unknown> {
  if (result === undefined) return value;
  const outcome = await result["~standard"].validate(value);
  if (outcome.issues === undefined) return outcome.value;
  const issues = issuesOf(outcome.issues);
  const [first] = issues;
  throw new RemoteError(
    "REMOTE_FAILED",
    `${at} gave an invalid result: ${first?.path.join(".") || "result"}: ${first?.message}`,
    { status: 200, issues },
  );
}

const longer = ({ maxEvent, at }: Calling): RemoteError =>
  new RemoteError("REMOTE_FAILED", `${at} sent more than \`maxEvent: ${maxEvent}\` characters at once`, {
    status: 200,
  });

/** The root cause of an error, because fetch reports only "fetch failed". */
function rootOf(error: unknown): string {
  let root = error;
  while (isError(root) && root.cause !== undefined) root = root.cause;
  return isError(root) ? root.message || root.name : String(root);
}
