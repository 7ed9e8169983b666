// A request to the vendor, parsed.
import { isObject } from "sluice/internal";

/** A message of a chat. */
export interface VendorMessage {
  readonly role: string;
  /** The text; `""` if there is none. Other parts, such as images, are in the request's `body`. */
  readonly text: string;
}

/** A request to a {@link FakeVendor}. */
export interface VendorRequest {
  /** Its place in the order of arrival, from 0. */
  readonly index: number;
  /** The endpoint; `"messages"` is Anthropic's. */
  readonly endpoint: "chat" | "messages" | "embeddings";
  /** The parsed body. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly model: string;
  /** The messages of a chat, otherwise empty. Anthropic's `system` is the first message. */
  readonly messages: readonly VendorMessage[];
  /** The last message of the user; for embeddings all texts, one per line. */
  readonly text: string;
  /** The name of the JSON schema of `response_format`. */
  readonly schema: string | undefined;
  /** The names of the tools. */
  readonly tools: readonly string[];
  /** Whether the answer is streamed. */
  readonly stream: boolean;
  /** Tokens of the prompt, estimated at four characters per token. */
  readonly tokens: number;
  /** Aborts when the client closes the connection before the answer has ended. */
  readonly signal: AbortSignal;
}

export const record = (value: unknown): Record<string, unknown> =>
  isObject(value) ? (value as Record<string, unknown>) : {};
export const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The estimated tokens of a text. */
export const countTokens = (text: string): number => Math.ceil(text.length / 4);

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return list(content)
    .map(record)
    .map((part) => (part.type === "tool_result" ? textOf(part.content) : part.text))
    .filter((text) => typeof text === "string")
    .join("\n");
}

/** Reads a message; one of Anthropic with tool results gets the role `tool`, as in a chat. */
function messageOf(message: unknown): VendorMessage {
  const { role, content } = record(message);
  const hasResults = list(content).some((part) => record(part).type === "tool_result");
  return { role: hasResults ? "tool" : String(role), text: textOf(content) };
}

/** A tool of either protocol. */
export interface ToolDefinition {
  readonly name: string;
  /** A JSON Schema. */
  readonly parameters: unknown;
}

/** The tools of a request. */
export const toolsIn = ({ tools }: Readonly<Record<string, unknown>>): ToolDefinition[] =>
  list(tools)
    .map(record)
    .map((tool) => {
      const { name, parameters } = tool.function === undefined ? tool : record(tool.function);
      return { name: typeof name === "string" ? name : "", parameters: parameters ?? tool.input_schema };
    });

/** The texts of a request for embeddings; a list of token ids counts as one text. */
export function inputsOf({ input }: Readonly<Record<string, unknown>>): string[] {
  if (!Array.isArray(input)) return [String(input)];
  if (input.every((each) => typeof each === "number")) return [input.join(" ")];
  return input.map((each) => (Array.isArray(each) ? each.join(" ") : String(each)));
}

const nameOf = (value: unknown): string => {
  const { name } = record(value);
  return typeof name === "string" ? name : "";
};

/** Returns what is wrong with a body, as `[param, message]`. */
export function problemOf(
  endpoint: VendorRequest["endpoint"],
  body: Record<string, unknown>,
): [param: string, message: string] | undefined {
  if (typeof body.model !== "string") return ["model", "you must provide a model parameter"];
  if (endpoint === "embeddings") {
    const isEmpty = body.input === undefined || (Array.isArray(body.input) && body.input.length === 0);
    return isEmpty ? ["input", "'input' must be a text or a list of texts"] : undefined;
  }
  if (endpoint === "messages" && typeof body.max_tokens !== "number")
    return ["max_tokens", "max_tokens: Field required"];
  const isEmpty = list(body.messages).length === 0;
  return isEmpty ? ["messages", "Expected an array with at least one message in 'messages'"] : undefined;
}

/** Reads a request with a valid body. */
export function readRequest(
  endpoint: VendorRequest["endpoint"],
  body: Record<string, unknown>,
  index: number,
  signal: AbortSignal,
): VendorRequest {
  const isChat = endpoint !== "embeddings";
  const said = isChat ? list(body.messages).map(messageOf) : [];
  const isPrompted = endpoint === "messages" && body.system !== undefined;
  const messages = isPrompted ? [{ role: "system", text: textOf(body.system) }, ...said] : said;
  const text = isChat
    ? (messages.filter(({ role }) => role === "user").at(-1)?.text ?? "")
    : inputsOf(body).join("\n");
  const schema = nameOf(record(body.response_format).json_schema);
  return {
    index,
    endpoint,
    body,
    model: String(body.model),
    messages,
    text,
    schema: schema === "" ? undefined : schema,
    tools: isChat ? toolsIn(body).map(({ name }) => name) : [],
    stream: isChat && body.stream === true,
    tokens: countTokens(isChat ? messages.map((message) => message.text).join("\n") : text),
    signal,
  };
}
