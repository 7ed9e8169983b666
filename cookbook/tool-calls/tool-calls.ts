// The vendor's own tool calling: the model calls several tools in one turn, and they run in parallel.
import { AsyncParallelBatchNode, type Context, Flow, node } from "sluice";
import { z } from "zod";
import type { Message, Model, ToolCall } from "../lib/model.js";

/** A tool: its schema checks the input. A result is any JSON. */
export interface AgentTool<T = unknown> {
  readonly description: string;
  readonly input: z.ZodType<T>;
  readonly run: (input: T, signal: AbortSignal) => unknown;
}

/** Checks that `run` takes what the schema gives. */
export const tool = <T>(definition: AgentTool<T>) => definition as AgentTool;

export interface Shared {
  readonly messages: Message[];
  calls: readonly ToolCall[];
  answer?: string;
}

/** Runs the calls of one turn in parallel. The model gets an error and can correct the call. */
class RunTools extends AsyncParallelBatchNode<Shared, ToolCall, Message> {
  readonly #tools: Readonly<Record<string, AgentTool>>;

  constructor(tools: Readonly<Record<string, AgentTool>>) {
    super({ timeout: 30_000 });
    this.#tools = tools;
  }

  override prep({ calls }: Shared) {
    return calls;
  }

  override async exec({ id, name, args }: ToolCall, { signal, emit }: Context): Promise<Message> {
    const called = this.#tools[name];
    if (called === undefined) return result(id, { error: `There is no tool ${name}` });
    const { data, error } = called.input.safeParse(args);
    if (error !== undefined) return result(id, { error: z.prettifyError(error) });
    void emit(`${name}(${JSON.stringify(data)})`);
    return result(id, await called.run(data, signal));
  }

  override execFallback({ id }: ToolCall, error: unknown): Message {
    return result(id, { error: (error as Error).message });
  }

  override post({ messages }: Shared, _calls: unknown, results: Message[]): void {
    messages.push(...results);
  }
}

const result = (id: string, content: unknown): Message => ({
  role: "tool",
  tool_call_id: id,
  content: JSON.stringify(content),
});

/** Only the model ends the loop, so run it with `maxSteps`. */
export function createToolFlow(model: Model, tools: Readonly<Record<string, AgentTool>>): Flow<Shared> {
  const definitions = Object.entries(tools).map(([name, { description, input }]) => ({
    name,
    description,
    parameters: z.toJSONSchema(input),
  }));
  const ask = node({
    name: "Ask",
    ...model.calls,
    prep: ({ messages }: Shared) => [...messages],
    exec: (messages, ctx) => model.act(messages, definitions, ctx),
    post: (shared, _messages, { message, calls, text }) => {
      shared.messages.push(message);
      shared.calls = calls;
      if (calls.length > 0) return "call";
      shared.answer = text;
      return "answer";
    },
  });
  const runTools = new RunTools(tools);
  ask.branch({ call: runTools, answer: null });
  runTools.next(ask);
  return new Flow(ask, { name: "Tools" });
}
