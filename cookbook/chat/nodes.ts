// The two nodes that take turns: one listens to the user, the other answers.
import { type Context, Node } from "sluice";
import type { Llm } from "./llm.js";

/** One message of a conversation. */
export interface Message {
  readonly role: "user" | "assistant";
  readonly content: string;
}

/** The store: the conversation so far. */
export interface Shared {
  readonly messages: Message[];
}

/** Where the user is: a terminal, a pipe, a test. */
export interface Terminal {
  /** Waits for the user's next line; `undefined` once there is none to come. */
  readonly read: () => Promise<string | undefined>;
  readonly write: (text: string) => void;
}

/** Waits for a line, and finds out what the user wants. */
export class Listen extends Node<Shared, void, string | undefined> {
  readonly #terminal: Terminal;

  constructor(terminal: Terminal) {
    super();
    this.#terminal = terminal;
  }

  override async exec(): Promise<string | undefined> {
    return (await this.#terminal.read())?.trim();
  }

  override post(shared: Shared, _nothing: unknown, line: string | undefined): "said" | "silent" | "left" {
    if (line === undefined || /^(exit|quit|bye)[.!]?$/i.test(line)) return "left";
    if (line === "") return "silent";
    shared.messages.push({ role: "user", content: line });
    return "said";
  }
}

/** What came of a question: an answer, or why there is none. */
type Outcome = { readonly text: string } | { readonly problem: string };

/** Answers the last message, with all that was said before it. */
export class Answer extends Node<Shared, readonly Message[], Outcome> {
  readonly #llm: Llm;
  readonly #terminal: Terminal;

  constructor(llm: Llm, terminal: Terminal) {
    super({ attempts: 3, backoff: 500, timeout: 60_000 });
    this.#llm = llm;
    this.#terminal = terminal;
  }

  /** A copy: what is said later is none of this call's business. */
  override prep({ messages }: Shared): readonly Message[] {
    return [...messages];
  }

  override async exec(messages: readonly Message[], { signal }: Context): Promise<Outcome> {
    return { text: await this.#llm.answer(messages, signal) };
  }

  /** A service in trouble is no reason to lose the conversation. */
  override execFallback(_messages: readonly Message[], error: unknown): Outcome {
    return { problem: error instanceof Error ? error.message : String(error) };
  }

  override post(shared: Shared, _messages: readonly Message[], outcome: Outcome): void {
    if ("text" in outcome) {
      shared.messages.push({ role: "assistant", content: outcome.text });
      this.#terminal.write(outcome.text);
    } else {
      shared.messages.pop(); // two messages of the user in a row would confuse the model
      this.#terminal.write(`(No answer: ${outcome.problem}. Say it again, or leave.)`);
    }
  }
}
