// The model that a recipe calls: one account with one gate, and complete answers only.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import OpenAI from "openai";
import { type Context, Gate } from "sluice";
import { z } from "zod";
import { UsageError } from "./main.js";

export type Message = OpenAI.ChatCompletionMessageParam;
/** A text is one message of the user. */
export type Prompt = string | readonly Message[];
/** The part of a node's `ctx` that a call uses. For prices, `charge` also gets the number of output tokens. */
export type Call = Pick<Context, "signal"> & { readonly lastError?: unknown; readonly charge: Charge };
type Charge = (tokens: number, output?: number) => void;
/** A function that the model may call; `parameters` is a JSON Schema. */
export type Tool = OpenAI.FunctionDefinition;
type Extra = Partial<OpenAI.ChatCompletionCreateParams>;
/** A call of a tool. `args` is parsed but not checked. */
export type ToolCall = { readonly id: string; readonly name: string; readonly args: unknown };
/** An answer with its calls of tools. `message` goes into the conversation before their results. */
export type Turn = { readonly text: string; readonly calls: readonly ToolCall[]; readonly message: Message };
/** The functions that recipes call; a test passes stand-ins. */
export type Model = ReturnType<typeof createModel>;

/** An answer that must not be used. The prompt of the next attempt says why. */
export class AnswerError extends Error {}

/** An error that a retry cannot fix: a refusal, a cut-off answer, a wrong key. */
export class FinalError extends AnswerError {
  readonly status = 422; // sluice does not retry it
}

/** The service denies access, and no later call is sent. */
export class DeniedError extends FinalError {}

/** @param schemaByTool - Anthropic ignores the format of an answer but follows the schema of a tool. */
export function createModel(
  client: OpenAI,
  gate: Gate,
  chat: string,
  embedding: string,
  schemaByTool = false,
) {
  let trial: Promise<void> | undefined; // the first call, while it runs
  let isOpen = false; // set by the first answer
  let denied: DeniedError | undefined; // set by the first denied call

  /** Until the first answer, calls run one by one, so that a wrong key costs one request and not one per item. */
  async function send<T>(call: () => Promise<T>): Promise<T> {
    while (trial !== undefined) await trial;
    if (denied !== undefined) throw denied;
    let end = () => {};
    if (!isOpen) trial = new Promise((resolve) => (end = resolve));
    try {
      const reply = await call();
      isOpen = true;
      return reply;
    } catch (error) {
      if (!(error instanceof OpenAI.APIError && [401, 403, 404].includes(error.status))) throw error;
      const advice = error.status === 404 ? "the model's name and OPENAI_BASE_URL" : "the API key";
      throw (denied = new DeniedError(`${error.message} Check ${advice}.`, { cause: error }));
    } finally {
      trial = undefined;
      end();
    }
  }

  function bodyOf(prompt: Prompt, { lastError }: Call) {
    const messages = typeof prompt === "string" ? [user(prompt)] : [...prompt];
    if (lastError instanceof AnswerError)
      messages.push(user(`Your last answer cannot be used: ${lastError.message}`));
    return { model: chat, messages };
  }

  async function ask(prompt: Prompt, more: Extra, ctx: Call): Promise<Turn> {
    const body = { ...more, ...bodyOf(prompt, ctx), stream: false } as const;
    const reply = await send(() => client.chat.completions.create(body, { signal: ctx.signal }));
    const { message, finish_reason: reason = "" } = reply.choices?.[0] ?? {};
    const asked = message?.tool_calls?.filter((call) => call.type === "function") ?? [];
    const text = message?.content?.trim() ?? "";
    const { total_tokens: tokens = 0, completion_tokens: output = 0 } = reply.usage ?? {};
    check({ text, calls: asked.length, refusal: message?.refusal ?? "", reason, tokens, output }, ctx);
    const calls = asked.map(({ id, function: call }) => ({
      id,
      name: call.name,
      args: parse(call.arguments),
    }));
    return { text, calls, message: message as Message };
  }

  return {
    /** Options for each node that calls the model. The SDK does not retry: the gate waits out a 429, the node retries. */
    calls: { gate, attempts: 3, backoff: { delay: 500, max: 10_000 }, timeout: 120_000 },

    /** For other endpoints, such as files and batches. */
    vendor: { client, model: chat },

    /** The answer as text. */
    chat: async (prompt: Prompt, ctx: Call): Promise<string> => (await ask(prompt, {}, ctx)).text,

    /** An answer that matches the schema. */
    async json<T>(name: string, schema: z.ZodType<T>, prompt: Prompt, ctx: Call): Promise<T> {
      const json = z.toJSONSchema(schema);
      const format = { type: "json_schema", json_schema: { name, schema: json, strict: true } } as const;
      const choice = { type: "function", function: { name } } as const;
      const byTool = { tools: [tool({ name, parameters: json })], tool_choice: choice };
      const { text, calls } = await ask(prompt, schemaByTool ? byTool : { response_format: format }, ctx);
      const { data, error } = schema.safeParse(calls[0]?.args ?? parse(text));
      if (error !== undefined) throw new AnswerError(z.prettifyError(error));
      return data;
    },

    /** One turn of a conversation in which the model may call several tools. */
    act: (prompt: Prompt, tools: readonly Tool[], ctx: Call): Promise<Turn> =>
      ask(prompt, { tools: tools.map(tool) }, ctx),

    /** The answer in pieces, as they arrive. Throws at its end if it is incomplete. */
    async *stream(prompt: Prompt, ctx: Call): AsyncGenerator<string, void, undefined> {
      const body = { ...bodyOf(prompt, ctx), stream: true, stream_options: { include_usage: true } } as const;
      const chunks = await send(() => client.chat.completions.create(body, { signal: ctx.signal }));
      const whole = { ...NOTHING };
      for await (const { choices, usage } of chunks) {
        const { delta, finish_reason } = choices?.[0] ?? {};
        whole.text += delta?.content ?? "";
        whole.refusal += delta?.refusal ?? "";
        whole.reason = finish_reason ?? whole.reason;
        if (usage) [whole.tokens, whole.output] = [usage.total_tokens, usage.completion_tokens];
        if (delta?.content) yield delta.content;
      }
      ctx.signal.throwIfAborted(); // the SDK ends the loop without an error
      check(whole, ctx);
    },

    /** A vector for each text. */
    async embed(texts: readonly string[], ctx: Call): Promise<number[][]> {
      const body = { model: embedding, input: [...texts] };
      const { data = [], usage } = await send(() => client.embeddings.create(body, { signal: ctx.signal }));
      const reason = data.length === texts.length ? "stop" : "";
      check({ ...NOTHING, text: "a vector", reason, tokens: usage?.total_tokens ?? 0 }, ctx);
      return data.map(({ embedding: vector }) => vector);
    },
  };
}

const OPENAI = "https://api.openai.com/v1";
const user = (content: string): Message => ({ role: "user", content });
const tool = (definition: Tool) => ({ type: "function", function: definition }) as const;
const NOTHING = { text: "", calls: 0, refusal: "", reason: "" as string | null, tokens: 0, output: 0 };

/** Charges the used tokens. @throws AnswerError unless the answer is complete. */
function check({ text, calls, refusal, reason, tokens, output }: typeof NOTHING, ctx: Call): void {
  if (tokens) ctx.charge(tokens, output);
  if (refusal !== "") throw new FinalError(`The model refuses: ${refusal}`);
  if (reason === "content_filter") throw new FinalError("A content filter stopped the answer.");
  if (reason === "length") throw new FinalError("The answer is cut off: it is too long for the model.");
  if (!reason) throw new AnswerError("The service sent no whole answer.");
  if (text === "" && calls === 0) throw new AnswerError("The answer is empty.");
  if (!tokens) throw new FinalError("The service did not say how many tokens it used: no budget would hold.");
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new AnswerError(`Expected JSON, got ${json.slice(0, 80)}`);
  }
}

/** The service that the environment names; without a key, the stand-in of the package sluice for this recipe. */
export async function connect(recipe: string, env: NodeJS.ProcessEnv = process.env): Promise<Model> {
  const apiKey = env.OPENAI_API_KEY || env.ANTHROPIC_API_KEY;
  const isClaude = !env.OPENAI_API_KEY && apiKey !== undefined;
  const home = isClaude ? "https://api.anthropic.com/v1" : env.OPENAI_BASE_URL || OPENAI;
  if (!/^https?:\/\/./.test(home))
    throw new UsageError(`Expected OPENAI_BASE_URL to be like ${OPENAI}, got "${home}".`);
  const root = pathToFileURL(createRequire(import.meta.url).resolve("sluice/package.json"));
  const standIns = new URL("cookbook/stand-ins/serve.ts", root).href;
  const baseURL = apiKey ? home : await (await import(standIns)).serve(recipe);
  const chat = isClaude ? env.ANTHROPIC_MODEL || "claude-haiku-4-5" : env.OPENAI_MODEL || "gpt-4.1-mini";
  console.error(apiKey ? `Using ${chat} at ${baseURL}.` : `No API key: a stand-in at ${baseURL} answers.`);
  const requests = Number(env.MODEL_RPM || (apiKey ? 500 : 3_000));
  const tokens = Number(env.MODEL_TPM || (apiKey ? 200_000 : 6_000_000));
  const gate = new Gate({ name: "model", concurrency: 32, rate: { requests, tokens, per: 60_000 } });
  const client = new OpenAI({ apiKey: apiKey || "none", baseURL, maxRetries: 0 });
  return createModel(client, gate, chat, env.OPENAI_EMBEDDING_MODEL || "text-embedding-3-small", isClaude);
}
