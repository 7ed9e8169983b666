// The steps of one exchange: look at the newest ones, recall older ones, answer, remember.
import { type Context, Node } from "sluice";
import { isWorthARetry, type Llm, type Prompt } from "./llm.js";
import type { Exchange, Memory, Recalled } from "./memory.js";

/** The store of one exchange. What lasts longer is in the memory. */
export interface Shared {
  readonly question: string;
  window?: readonly Exchange[];
  recalled?: readonly Recalled[];
  answer?: string;
}

/** How every call to the model is made. */
const CALL = { attempts: 3, backoff: { delay: 500 }, retryIf: isWorthARetry, timeout: 60_000 } as const;

/** Takes the newest exchanges as they are. */
export class Look extends Node<Shared, undefined, { newest: Exchange[]; count: number }> {
  readonly #memory: Memory;
  readonly #window: number;

  constructor(memory: Memory, window: number) {
    super();
    this.#memory = memory;
    this.#window = window;
  }

  override exec(): { newest: Exchange[]; count: number } {
    return { newest: this.#memory.newest(this.#window), count: this.#memory.count() };
  }

  override post(
    shared: Shared,
    _nothing: undefined,
    { newest, count }: { newest: Exchange[]; count: number },
  ): "there is more" | "that is all" {
    shared.window = newest;
    return count > newest.length ? "there is more" : "that is all";
  }
}

/** What is recalled of what the window no longer holds. */
export interface RecallOptions {
  /** How many exchanges the window holds. */
  readonly window: number;
  /** The most older exchanges that are recalled. */
  readonly recall: number;
  /** How like the question they must be, from 0 to 1. */
  readonly likeness: number;
}

/** Finds the older exchanges that have to do with the question. */
export class Recall extends Node<Shared, string, Recalled[]> {
  readonly #llm: Llm;
  readonly #memory: Memory;
  readonly #options: RecallOptions;

  constructor(llm: Llm, memory: Memory, options: RecallOptions) {
    super(CALL);
    this.#llm = llm;
    this.#memory = memory;
    this.#options = options;
  }

  override prep({ question }: Shared): string {
    return question;
  }

  override async exec(question: string, { signal }: Context): Promise<Recalled[]> {
    const { window, recall, likeness } = this.#options;
    return this.#memory.nearest(await this.#llm.embed(question, signal), window, recall, likeness);
  }

  override post(shared: Shared, _question: string, recalled: Recalled[]): void {
    shared.recalled = recalled;
  }
}

/** Has the model answer, from the window and from what was recalled. */
export class Answer extends Node<Shared, Prompt, string> {
  readonly #llm: Llm;

  constructor(llm: Llm) {
    super({ ...CALL, requires: ["window"] });
    this.#llm = llm;
  }

  override prep({ question, window = [], recalled = [] }: Shared): Prompt {
    return { question, window, recalled };
  }

  override exec(prompt: Prompt, { signal }: Context): Promise<string> {
    return this.#llm.answer(prompt, signal);
  }

  override post(shared: Shared, _prompt: Prompt, answer: string): void {
    shared.answer = answer;
  }
}

/** Keeps the exchange, with its meaning, so that it is there when the window has moved on. */
export class Remember extends Node<Shared, Exchange, readonly number[]> {
  readonly #llm: Llm;
  readonly #memory: Memory;

  constructor(llm: Llm, memory: Memory) {
    super({ ...CALL, requires: ["answer"] });
    this.#llm = llm;
    this.#memory = memory;
  }

  override prep({ question, answer = "" }: Shared): Exchange {
    return { question, answer };
  }

  override exec({ question, answer }: Exchange, { signal }: Context): Promise<readonly number[]> {
    return this.#llm.embed(`${question}\n${answer}`, signal);
  }

  /** Not in `exec`, which may be tried again or given up in the middle: here it is kept once. */
  override post(_shared: Shared, exchange: Exchange, vector: readonly number[]): void {
    this.#memory.add(exchange, vector);
  }
}
