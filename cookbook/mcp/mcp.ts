// The tools of an MCP server, with arguments that are checked by the tools' schemas before a call.
import { AjvJsonSchemaValidator } from "@modelcontextprotocol/sdk/validation/ajv";
import { AsyncParallelBatchNode, type Context, Flow, node } from "sluice";
import type { Message, Model, ToolCall } from "../lib/model.js";
import type { McpTool, Tools } from "./tools.js";

export interface Shared {
  readonly messages: Message[];
  tools?: readonly McpTool[];
  calls?: readonly ToolCall[];
  answer?: string;
}

const INSTRUCTIONS =
  "Answer in a sentence. Use a tool for everything that a tool can do. Correct a call that was invalid.";

export const createShared = (content: string): Shared => ({
  messages: [
    { role: "system", content: INSTRUCTIONS },
    { role: "user", content },
  ],
});

const validator = new AjvJsonSchemaValidator();

/** The fault of a call, if any: an unknown tool, or arguments that do not match the schema. */
export function problemOf(tools: readonly McpTool[], { name, args }: ToolCall): string | undefined {
  const tool = tools.find((each) => each.name === name);
  if (tool === undefined)
    return `There is no tool ${name}, only ${tools.map((each) => each.name).join(", ")}.`;
  const { valid, errorMessage } = validator.getValidator(tool.inputSchema)(args);
  return valid ? undefined : `The arguments do not fit the schema: ${errorMessage}.`;
}

/** Runs the calls of one turn in parallel. An invalid or failed call is a result, so the model can correct it. */
class CallTools extends AsyncParallelBatchNode<Shared, Checked, Message> {
  readonly #server: Tools;

  constructor(server: Tools) {
    super({ timeout: 30_000 });
    this.#server = server;
  }

  override prep({ calls = [], tools = [] }: Shared): Checked[] {
    return calls.map((call) => ({ call, problem: problemOf(tools, call) }));
  }

  override async exec({ call, problem }: Checked, { signal, emit }: Context): Promise<Message> {
    const content = problem ?? (await this.#server.call(call.name, call.args, signal));
    void emit(`  ${call.name}(${JSON.stringify(call.args)})\n    → ${content}`);
    return { role: "tool", tool_call_id: call.id, content };
  }

  override execFallback({ call }: Checked, error: unknown): Message {
    return { role: "tool", tool_call_id: call.id, content: `The tool failed: ${(error as Error).message}` };
  }

  override post({ messages }: Shared, _calls: unknown, results: Message[]): void {
    messages.push(...results);
  }
}
type Checked = { readonly call: ToolCall; readonly problem: string | undefined };

/** The graph is the same for any server. Only the model ends the loop, so run it with `maxSteps`. */
export function createMcpFlow(model: Model, server: Tools): Flow<Shared> {
  const listTools = node({
    name: "ListTools",
    timeout: 10_000,
    exec: (_none, { signal }) => server.list(signal),
    post: (shared: Shared, _none, tools) => {
      shared.tools = tools;
    },
  });
  const ask = node({
    name: "Ask",
    ...model.calls,
    prep: ({ messages, tools = [] }: Shared) => ({
      messages: [...messages],
      tools: tools.map(({ name, description = "", inputSchema: parameters }) => ({
        name,
        description,
        parameters,
      })),
    }),
    exec: ({ messages, tools }, ctx) => model.act(messages, tools, ctx),
    post: (shared, _scene, { message, calls, text }) => {
      shared.messages.push(message);
      shared.calls = calls;
      if (calls.length > 0) return "call";
      shared.answer = text;
      return "answer";
    },
  });
  const callTools = new CallTools(server);
  listTools.next(ask);
  ask.branch({ call: callTools, answer: null });
  callTools.next(ask);
  return new Flow(listTools, { name: "Mcp" });
}
