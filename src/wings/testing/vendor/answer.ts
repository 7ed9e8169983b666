// The answer of a model: as a test writes it, and as a completion of the protocol.
import { exampleOf } from "./example.js";
import { countTokens, record, type ToolDefinition, toolsIn, type VendorRequest } from "./request.js";

/** A call of a tool. */
export interface VendorToolCall {
  readonly name: string;
  /** An object, or a text that is sent as it is. @default an empty object */
  readonly arguments?: unknown;
  /** @default a unique id */
  readonly id?: string | undefined;
}

/** The answer of the model: a text, or an object with parts. */
export type VendorAnswer =
  | string
  | {
      readonly content?: string | undefined;
      /** In place of `content`: sent as JSON. */
      readonly json?: unknown;
      readonly toolCalls?: readonly VendorToolCall[] | undefined;
      /** The reason why the model refuses. */
      readonly refusal?: string | undefined;
      /** @default `"tool_calls"` with tool calls, else `"stop"` */
      readonly finishReason?: string | undefined;
      /** @default an estimate of four characters per token */
      readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number } | undefined;
    };

/** An answer with all defaults filled in. */
export interface Completion {
  readonly content: string | null;
  readonly refusal: string | null;
  readonly toolCalls: readonly { readonly id: string; readonly name: string; readonly arguments: string }[];
  readonly finishReason: string;
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number } | undefined;
  /** Whether `choices` is empty. */
  readonly isEmpty: boolean;
}

/** Fills in the defaults of an answer. */
export function complete(answer: VendorAnswer, request: VendorRequest): Completion {
  const { content, json, toolCalls = [], refusal, finishReason, usage } = partsOf(answer);
  const text = json === undefined ? content : JSON.stringify(json);
  const calls = toolCalls.map((call, at) => ({
    id: call.id ?? `call_${request.index}_${at}`,
    name: call.name,
    arguments: typeof call.arguments === "string" ? call.arguments : JSON.stringify(call.arguments ?? {}),
  }));
  const said = [text, refusal, ...calls.map((call) => call.name + call.arguments)].join("");
  return {
    content: text ?? null,
    refusal: refusal ?? null,
    toolCalls: calls,
    finishReason: finishReason ?? (calls.length > 0 ? "tool_calls" : "stop"),
    usage: usage ?? { prompt_tokens: request.tokens, completion_tokens: countTokens(said) },
    isEmpty: false,
  };
}

function partsOf(answer: VendorAnswer): Exclude<VendorAnswer, string> {
  if (typeof answer === "string") return { content: answer };
  const isAnswer = answer !== null && typeof answer === "object" && !Array.isArray(answer);
  const known = ["content", "json", "toolCalls", "refusal", "finishReason", "usage"];
  const wrong = isAnswer ? Object.keys(answer).find((key) => !known.includes(key)) : String(answer);
  if (wrong === undefined) return answer;
  const what = isAnswer ? `an object with \`${wrong}\`; put what is to be sent as JSON into \`json\`` : wrong;
  throw new TypeError(`Expected answer() to give a text or { ${known.join(", ")} }, got ${what}`);
}

/**
 * The default answer. It repeats the user's text in the form that the request asks for: as a value that fits the JSON
 * schema, or as a call of the first tool; after tool results it repeats the last result.
 */
export function echo(request: VendorRequest): VendorAnswer {
  const { body, messages, text } = request;
  const last = messages.at(-1);
  const called = toolToCall(body);
  if (called !== undefined && last?.role !== "tool") {
    const { name, parameters } = called;
    return { toolCalls: [{ name, arguments: exampleOf(parameters, text) }] };
  }
  const format = record(body.response_format);
  if (format.type === "json_schema")
    return { json: exampleOf(record(format.json_schema).schema, text) ?? null };
  if (format.type === "json_object") return { json: { text } };
  return last?.role === "tool" ? last.text : text;
}

/** The tool that `tool_choice` names, else the first. */
function toolToCall(body: Readonly<Record<string, unknown>>): ToolDefinition | undefined {
  const tools = toolsIn(body);
  const choice = record(body.tool_choice);
  if (body.tool_choice === "none" || choice.type === "none") return undefined;
  const name = record(choice.function).name ?? choice.name;
  return tools.find((tool) => tool.name === name) ?? tools[0];
}
