// The one call to the model: it is shown the conversation and the tools, and calls one of them or answers.
import OpenAI from "openai";
import type { ChatCompletionMessageFunctionToolCall, ChatCompletionMessageParam } from "openai/resources";
import { InputError } from "./input-error.js";
import type { Tool } from "./tools.js";

/** A message in the vendor's own form: calls and their results refer to each other in it. */
export type Message = ChatCompletionMessageParam;

/** A call that the model wants; its arguments are text, and not checked. */
export interface Call {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

/** What the model says: a call, or the answer. */
export type Said = { readonly call: Call } | { readonly answer: string };

const INSTRUCTIONS =
  "Answer the question in a sentence. Leave to a tool what one of the tools can do, and answer from its result. If " +
  "a call was refused, mend it.";

/** A model of a service that speaks OpenAI's protocol. */
export class Llm {
  readonly #client: OpenAI;
  readonly #model: string;

  constructor(client: OpenAI, model: string) {
    this.#client = client;
    this.#model = model;
  }

  async ask(messages: readonly Message[], tools: readonly Tool[], signal: AbortSignal): Promise<Said> {
    const { choices } = await this.#client.chat.completions.create(
      {
        model: this.#model,
        messages: [{ role: "system", content: INSTRUCTIONS }, ...messages],
        tools: tools.map(({ name, description, inputSchema }) => ({
          type: "function" as const,
          function: { name, description: description ?? "", parameters: inputSchema },
        })),
        parallel_tool_calls: false,
      },
      { signal },
    );
    const message = choices[0]?.message;
    const call = message?.tool_calls?.find(
      (each): each is ChatCompletionMessageFunctionToolCall => each.type === "function",
    );
    if (call) return { call: { id: call.id, name: call.function.name, arguments: call.function.arguments } };
    if (!message?.content) throw new Error("Expected a call or an answer, got neither");
    return { answer: message.content };
  }
}

/** A call and what came of it, as messages. */
export const messagesOf = ({ id, name, arguments: text }: Call, result: string): Message[] => [
  { role: "assistant", tool_calls: [{ id, type: "function", function: { name, arguments: text } }] },
  { role: "tool", tool_call_id: id, content: result },
];

/** Who answers, how it is called, and what ends it. */
export interface Service {
  readonly llm: Llm;
  readonly about: string;
  readonly close: () => Promise<void>;
}

/**
 * Connects to the service that the environment names, or starts a stand-in where there is no key.
 *
 * @throws InputError
 */
export async function connect(env: NodeJS.ProcessEnv): Promise<Service> {
  const apiKey = env.OPENAI_API_KEY?.trim();
  if (!apiKey) {
    const { startStandIn } = await import("./stand-in.js");
    const { url, close } = await startStandIn();
    const llm = new Llm(new OpenAI({ apiKey: "none", baseURL: url, maxRetries: 0 }), "stand-in");
    const about = `No OPENAI_API_KEY: using a local stand-in at ${url}.\nIt picks the tool whose description is most like the question, and is careless about types.`;
    return { llm, close, about };
  }
  const baseURL = env.OPENAI_BASE_URL?.trim() || "https://api.openai.com/v1";
  if (!URL.canParse(baseURL) || !/^https?:/.test(baseURL)) {
    throw new InputError(
      `Expected OPENAI_BASE_URL to be a URL such as https://api.openai.com/v1, got "${baseURL}". Correct it, or unset it to call OpenAI.`,
    );
  }
  const model = env.OPENAI_MODEL?.trim() || "gpt-4.1-mini";
  const llm = new Llm(new OpenAI({ apiKey, baseURL, maxRetries: 0 }), model);
  return { llm, close: async () => {}, about: `Using ${model} at ${baseURL}.` };
}
