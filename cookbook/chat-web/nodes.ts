// The steps: remember what fits, then answer piece by piece.
import { type Context, Node } from "sluice";
import type { Llm } from "./llm.js";

/** One message of a room. */
export interface Message {
  readonly role: "user" | "assistant";
  readonly content: string;
}

/** What one request works on. Rooms live in the page: the server keeps nothing from one request to the next. */
export interface Shared {
  readonly messages: readonly Message[];
  remembered?: readonly Message[];
  answer?: string;
}

/** Keeps the newest messages that fit into the model's memory, and always the last one. */
export class Remember extends Node<Shared, readonly Message[], readonly Message[]> {
  readonly #letters: number;

  constructor(letters: number) {
    super();
    this.#letters = letters;
  }

  override prep({ messages }: Shared): readonly Message[] {
    return messages;
  }

  override exec(messages: readonly Message[]): readonly Message[] {
    let from = messages.length - 1;
    let left = this.#letters - (messages[from]?.content.length ?? 0);
    while (from > 0 && (left -= messages[from - 1]?.content.length ?? 0) >= 0) from--;
    return messages.slice(from);
  }

  override post(shared: Shared, _messages: readonly Message[], remembered: readonly Message[]): void {
    shared.remembered = remembered;
  }
}

/** Streams the answer to whoever listens, and waits for a reader who is slow. */
export class Answer extends Node<Shared, readonly Message[], string> {
  readonly #llm: Llm;

  constructor(llm: Llm) {
    super({ requires: ["remembered"] });
    this.#llm = llm;
  }

  override prep({ remembered = [] }: Shared): readonly Message[] {
    return remembered;
  }

  override async exec(messages: readonly Message[], { emit, signal }: Context): Promise<string> {
    let answer = "";
    for await (const piece of this.#llm.stream(messages, signal)) {
      answer += piece;
      await emit(piece);
    }
    return answer;
  }

  override post(shared: Shared, _messages: readonly Message[], answer: string): void {
    shared.answer = answer;
  }
}
