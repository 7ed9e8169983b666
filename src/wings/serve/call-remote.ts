// One call of a handler from its client's side: the request, the events that come back, and what they mean.
import type { Awaitable, Context, StandardSchema } from "sluice";
import { isError, isPlainObject, issuesOf, quote } from "sluice/internal";
import { toJson } from "./json.js";
import { readEvents } from "./read-events.js";
import type { Issue } from "./refusal.js";
import { RemoteError } from "./remote-error.js";

/** Where a call goes, and what its answer must be. */
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

/** Calls a handler, sends its data on, and gives its result. @throws RemoteError; the signal's reason. */
export async function callRemote(to: Answering, input: unknown, ctx: Context): Promise<unknown> {
  const { signal } = ctx;
  const at = `${quote(to.name)} (${to.url.origin}${to.url.pathname})`;
  const body = toJson(`${quote(to.name)}, prep()`, input);
  const own = typeof to.headers === "function" ? await to.headers(ctx) : to.headers;
  const headers = new Headers(own);
  headers.set("content-type", "application/json");
  headers.set("accept", "text/event-stream");

  let response: Response;
  try {
    response = await (to.fetch ?? fetch)(to.url, { method: "POST", headers, body, signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new RemoteError("REMOTE_BROKEN", `${at} could not be reached: ${rootOf(cause)}`, { cause });
  }
  const streams = /^text\/event-stream\b/i.test(response.headers.get("content-type") ?? "");
  try {
    const result =
      response.ok && streams ? await resultOf(to, at, response, ctx) : await jsonOf(to, at, response);
    return await checked(to, at, result);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof RemoteError) throw cause;
    throw new RemoteError("REMOTE_BROKEN", `${at} broke off its answer: ${rootOf(cause)}`, { cause });
  }
}

async function resultOf(to: Answering, at: string, response: Response, ctx: Context): Promise<unknown> {
  const tooLong = () => longer(to, at);
  for await (const { event, data } of readEvents(bodyOf(response), to.maxEvent, tooLong)) {
    if (event === "data") await ctx.emit(JSON.parse(data));
    else if (event === "result") return JSON.parse(data) as unknown;
    else if (event === "suspended") throw waiting(at);
    else if (event === "error") throw failed(at, JSON.parse(data), 500, response.headers);
  }
  throw new RemoteError("REMOTE_BROKEN", `${at} ended its stream without a result`);
}

async function jsonOf(to: Answering, at: string, response: Response): Promise<unknown> {
  const { status, headers, ok } = response;
  if (status === 202) throw waiting(at);
  const text = await textOf(to, at, response);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    if (ok) throw new RemoteError("REMOTE_BROKEN", `${at} answered with what is no JSON`, { cause });
  }
  if (ok) return value;
  throw failed(at, isPlainObject(value) ? value.error : undefined, status, headers);
}

async function textOf(to: Answering, at: string, response: Response): Promise<string> {
  const reader = bodyOf(response).getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
    if (text.length <= to.maxEvent) continue;
    reader.cancel().catch(() => {});
    throw longer(to, at);
  }
}

const bodyOf = (response: Response): ReadableStream<Uint8Array> =>
  (response.body as ReadableStream<Uint8Array> | null) ?? new Blob([]).stream();

/** Makes an error of what a service says of its failure; a proxy in between may say it in its own way. */
function failed(at: string, problem: unknown, status: number, headers: Headers): RemoteError {
  const said = isPlainObject(problem) ? problem : {};
  const own = typeof said.status === "number" ? said.status : status;
  const issues = Array.isArray(said.issues) ? (said.issues as unknown[]).filter(isIssue) : [];
  const message = typeof said.message === "string" ? said.message.slice(0, 500) : "no reason was given";
  const details = issues.slice(0, 3).map(({ path, message }) => `${path.join(".") || "input"}: ${message}`);
  const text = `${at} answered ${own}: ${[message, ...details].join("; ")}`;
  return new RemoteError("REMOTE_FAILED", text, { status: own, headers, issues });
}

/** The service keeps the run and goes on with it once a person has answered; its result is not for this call. */
const waiting = (at: string): RemoteError =>
  new RemoteError("REMOTE_FAILED", `${at} has no result yet: its run waits for a person`, { status: 202 });

const isIssue = (value: unknown): value is Issue =>
  isPlainObject(value) && Array.isArray(value.path) && typeof value.message === "string";

async function checked({ result }: Answering, at: string, value: unknown): Promise<unknown> {
  if (result === undefined) return value;
  const outcome = await result["~standard"].validate(value);
  if (outcome.issues === undefined) return outcome.value;
  const issues = issuesOf(outcome.issues);
  const [first] = issues;
  throw new RemoteError(
    "REMOTE_FAILED",
    `${at} gave a result that is not as it should be: ${first?.path.join(".") || "result"}: ${first?.message}`,
    { status: 200, issues },
  );
}

const longer = ({ maxEvent }: Answering, at: string): RemoteError =>
  new RemoteError("REMOTE_FAILED", `${at} sent more than \`maxEvent: ${maxEvent}\` characters at once`, {
    status: 200,
  });

/** An SDK of fetch hides what happened behind "fetch failed". */
function rootOf(error: unknown): string {
  let root = error;
  while (isError(root) && root.cause !== undefined) root = root.cause;
  return isError(root) ? root.message || root.name : String(root);
}
