// The steps: list the tools, ask the model, check the call that it wants, make it.
import { type Context, Node } from "sluice";
import { type Call, type Llm, type Message, messagesOf, type Said } from "./llm.js";
import { complaintOf, type Tool, type ToolResult, type Tools } from "./tools.js";

/** The store of one run. */
export interface Shared {
  /** The conversation so far; it begins with the question. */
  readonly messages: Message[];
  tools?: readonly Tool[];
  /** The call that the model wants. */
  call?: Call;
  answer?: string;
}

/** What the run tells while it goes on. */
export interface Progress {
  readonly call: Call;
  /** Why it was not made. */
  readonly complaint?: string;
  readonly result?: string;
}

/** Creates the store of a run. */
export const createShared = (question: string): Shared => ({
  messages: [{ role: "user", content: question }],
});

/** Asks the server what it can do. */
export class ListTools extends Node<Shared, undefined, Tool[]> {
  readonly #tools: Tools;

  constructor(tools: Tools) {
    super({ timeout: 10_000 });
    this.#tools = tools;
  }

  override exec(_none: undefined, { signal }: Context): Promise<Tool[]> {
    return this.#tools.list(signal);
  }

  override post(shared: Shared, _none: undefined, tools: Tool[]): void {
    shared.tools = tools;
  }
}

/** What the model is shown. */
interface Scene {
  readonly messages: readonly Message[];
  readonly tools: readonly Tool[];
}

/** Has the model answer, or pick a tool. */
export class Ask extends Node<Shared, Scene, Said> {
  readonly #llm: Llm;

  constructor(llm: Llm, backoff: number) {
    super({ requires: ["tools"], attempts: 3, backoff, timeout: 60_000 });
    this.#llm = llm;
  }

  override prep({ messages, tools = [] }: Shared): Scene {
    return { messages: [...messages], tools };
  }

  override exec({ messages, tools }: Scene, { signal }: Context): Promise<Said> {
    return this.#llm.ask(messages, tools, signal);
  }

  override post(shared: Shared, _scene: Scene, said: Said): "use a tool" | "answered" {
    if ("answer" in said) {
      shared.answer = said.answer;
      return "answered";
    }
    shared.call = said.call;
    return "use a tool";
  }
}

/** Holds the call to the schema that the tool itself gives; what does not fit goes back to the model. */
export class Check extends Node<Shared, { call: Call; tools: readonly Tool[] }, string | undefined> {
  constructor() {
    super({ requires: ["call"] });
  }

  override prep({ call, tools = [] }: Shared) {
    return { call: call as Call, tools };
  }

  override exec({ call, tools }: { call: Call; tools: readonly Tool[] }): string | undefined {
    return complaintOf(tools, call.name, call.arguments);
  }

  override async post(
    { messages }: Shared,
    { call }: { call: Call },
    complaint: string | undefined,
    { emit }: Context,
  ) {
    if (complaint === undefined) return "it fits";
    messages.push(...messagesOf(call, complaint));
    await emit({ call, complaint } satisfies Progress);
    return "it does not fit";
  }
}

/** Makes the call. A tool that fails says so to the model, which may know what to do. */
export class CallTool extends Node<Shared, Call, ToolResult> {
  readonly #tools: Tools;

  constructor(tools: Tools) {
    super({ requires: ["call"], timeout: 30_000 });
    this.#tools = tools;
  }

  override prep({ call }: Shared): Call {
    return call as Call;
  }

  override exec({ name, arguments: text }: Call, { signal }: Context): Promise<ToolResult> {
    return this.#tools.call(name, JSON.parse(text), signal);
  }

  override async post(
    { messages }: Shared,
    call: Call,
    { text, failed }: ToolResult,
    { emit }: Context,
  ): Promise<void> {
    const result = failed ? `The tool failed: ${text}` : text;
    messages.push(...messagesOf(call, result));
    await emit({ call, result } satisfies Progress);
  }
}
