// The three steps: take a question, answer it piece by piece, and note where the person stopped the answer.
import { type Context, Node } from "sluice";
import type { Llm, Message } from "./llm.js";
import type { Person } from "./person.js";

/** One answer, whole or not. */
export interface Answered {
  readonly text: string;
  /** Whether the person stopped it. */
  readonly stopped: boolean;
  /** Milliseconds until the first piece and until the last. */
  readonly first: number;
  readonly last: number;
}

/** What the nodes share, one for each conversation. */
export interface Shared {
  readonly messages: Message[];
  readonly answers: Answered[];
}

/** What is sent while an answer is written: its pieces, and then what it came to. */
export type Told = { readonly piece: string } | { readonly answered: Answered };

/** Waits for the next question. */
export class TakeQuestion extends Node<Shared, undefined, string | undefined> {
  readonly #person: Person;

  constructor(person: Person) {
    super();
    this.#person = person;
  }

  override exec(_nothing: undefined, { signal }: Context): Promise<string | undefined> {
    return this.#person.question(signal);
  }

  override post(
    { messages }: Shared,
    _nothing: undefined,
    question: string | undefined,
  ): "asked" | "no more" {
    if (question === undefined) return "no more";
    messages.push({ role: "user", content: question });
    return "asked";
  }
}

/** Answers it, and sends each piece on as it comes. */
export class Answer extends Node<Shared, readonly Message[], Answered> {
  readonly #llm: Llm;
  readonly #person: Person;

  constructor(llm: Llm, person: Person) {
    super();
    this.#llm = llm;
    this.#person = person;
  }

  override prep({ messages }: Shared): readonly Message[] {
    return messages;
  }

  /**
   * Two signals end the call, and they mean different things. The run's own throws everything away: sluice asks it
   * again after `exec`, whatever this returns. The person's only ends the stream, and half an answer is the result.
   */
  override async exec(messages: readonly Message[], { signal, emit }: Context): Promise<Answered> {
    const began = performance.now();
    const interrupt = this.#person.listen();
    let text = "";
    let first = 0;
    try {
      const either = AbortSignal.any([signal, interrupt.signal]);
      for await (const piece of this.#llm.stream(messages, either)) {
        if (interrupt.signal.aborted) break; // what was under way when the key was pressed
        if (text === "") first = performance.now() - began;
        text += piece;
        await emit({ piece } satisfies Told);
      }
    } catch (error) {
      if (!interrupt.signal.aborted) throw error;
    } finally {
      interrupt.close();
    }
    return { text, stopped: interrupt.signal.aborted, first, last: performance.now() - began };
  }

  override async post(
    { messages, answers }: Shared,
    _messages: readonly Message[],
    answered: Answered,
    { emit }: Context,
  ): Promise<"finished" | "stopped"> {
    if (answered.text !== "") messages.push({ role: "assistant", content: answered.text });
    answers.push(answered);
    await emit({ answered } satisfies Told);
    return answered.stopped ? "stopped" : "finished";
  }
}

/** Tells the model, in the conversation itself, that its answer was cut off and where. */
export class NoteStop extends Node<Shared> {
  override post({ messages }: Shared): void {
    messages.push({
      role: "system",
      content: "The person stopped you here, and has read no more than this.",
    });
  }
}
