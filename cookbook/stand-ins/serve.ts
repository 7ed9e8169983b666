// The service that a recipe calls without a key: it speaks OpenAI's protocol on a loopback port. Each recipe has a file
// beside this one that says what it answers. Nothing of it is copied into a project.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A call as a stand-in sees it. It answers by the structure: the name of the schema, the names of the tools. */
export interface StandInRequest {
  /** Its place in the order of arrival, from 0. */
  readonly index: number;
  /** The last message of the user. */
  readonly text: string;
  readonly messages: readonly { readonly role: string; readonly text: string }[];
  readonly schema: string | undefined;
  readonly tools: readonly string[];
}

export type StandInAnswer =
  | string
  | { readonly json: unknown }
  | { readonly toolCalls: readonly { readonly name: string; readonly arguments: unknown }[] };

/** What a file of this folder exports. */
export type Answer = (request: StandInRequest) => StandInAnswer;

interface Body {
  readonly messages?: readonly { readonly role: string; readonly content?: unknown }[];
  readonly response_format?: { readonly json_schema?: { readonly name: string } };
  readonly tools?: readonly { readonly function: { readonly name: string } }[];
  readonly stream?: boolean;
  readonly input?: string | readonly string[];
}

/** Starts the stand-in of a recipe and gives its URL. It holds no process open. */
export async function serve(recipe: string): Promise<string> {
  const { answer } = (await import(`./${recipe}.ts`)) as { answer: Answer };
  let index = 0;
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const body = JSON.parse(text) as Body;
    if (request.url?.endsWith("/embeddings")) send(response, embeddingsOf(body));
    else reply(answer(read(body, index++)), body, response);
  });
  server.on("connection", (socket) => socket.unref());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

function send(response: ServerResponse, body: unknown): void {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(body));
}

function read({ messages = [], response_format, tools = [] }: Body, index: number): StandInRequest {
  const said = messages.map(({ role, content }) => ({ role, text: textOf(content) }));
  return {
    index,
    messages: said,
    text: said.filter(({ role }) => role === "user").at(-1)?.text ?? "",
    schema: response_format?.json_schema?.name,
    tools: tools.map((tool) => tool.function.name),
  };
}

function textOf(content: unknown): string {
  if (!Array.isArray(content)) return String(content ?? "");
  return content.map((part: { text?: string }) => part.text ?? "").join("");
}

function reply(answer: StandInAnswer, { stream }: Body, response: ServerResponse): void {
  const calls = typeof answer === "object" && "toolCalls" in answer ? answer.toolCalls : [];
  const json = typeof answer === "object" && "json" in answer ? JSON.stringify(answer.json) : null;
  const content = typeof answer === "string" ? answer : json;
  const tool_calls = calls.map(({ name, arguments: args }, at) => ({
    id: `call_${at}`,
    type: "function",
    function: { name, arguments: JSON.stringify(args) },
  }));
  const finish_reason = calls.length > 0 ? "tool_calls" : "stop";
  const usage = { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 };
  if (!stream) {
    const message = { role: "assistant", content, ...(calls.length > 0 && { tool_calls }) };
    send(response, { choices: [{ index: 0, message, finish_reason }], usage });
    return;
  }
  response.setHeader("content-type", "text/event-stream");
  const pieces = (content ?? "").match(/\s*\S+|\s+$/g) ?? [];
  const chunks: unknown[] = pieces.map((piece) => ({ choices: [{ index: 0, delta: { content: piece } }] }));
  chunks.push({ choices: [{ index: 0, delta: {}, finish_reason }] }, { choices: [], usage });
  const timer = setInterval(() => {
    const chunk = chunks.shift();
    response.write(`data: ${chunk === undefined ? "[DONE]" : JSON.stringify(chunk)}\n\n`);
    if (chunk !== undefined) return;
    clearInterval(timer);
    response.end();
  }, 10);
  response.on("close", () => clearInterval(timer));
}

/** Vectors that are near each other for texts that share words. */
function embeddingsOf({ input = [] }: Body) {
  const data = [input].flat().map((text, index) => ({ index, embedding: vectorOf(text) }));
  return { data, usage: { total_tokens: data.length } };
}

function vectorOf(text: string): number[] {
  const vector = new Array<number>(256).fill(0);
  for (const word of text.toLowerCase().match(/\p{L}{3,}/gu) ?? []) {
    let hash = 7;
    for (const letter of word.slice(0, 6)) hash = (hash * 31 + letter.charCodeAt(0)) % 256;
    vector[hash] = (vector[hash] ?? 0) + 1;
  }
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => value / length);
}
