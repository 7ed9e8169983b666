// A conversation that is longer than a prompt: the newest exchanges by order, older ones by meaning.
import { type BaseNode, chain, Flow, node } from "sluice";
import { DeniedError, type Message, type Model } from "../lib/model.js";
import type { Exchange, Memory } from "./memory.js";

/** The store of one exchange. The memory has all exchanges. */
export interface Shared {
  question: string;
  recalled: readonly Exchange[];
  answer: string;
}

/** The place of the conversation. `read` returns `undefined` when the user has left. */
export interface Terminal {
  readonly read: () => Promise<string | undefined>;
  readonly write: (text: string) => void;
}

export interface Sizes {
  /** The number of newest exchanges that the model gets. */
  readonly window: number;
  /** The largest number of older ones. */
  readonly recall: number;
}

const INSTRUCTIONS =
  "You talk with one person over a long time. Answer briefly, in plain text. If you do not know something about the " +
  "person, say so and do not guess.";
/** A threshold for OpenAI's small model: unrelated texts have about 0.1, those on one subject 0.3 or more. */
const LEAST_LIKENESS = 0.25;

/** A failed exchange is not remembered, and the conversation continues. */
class ExchangeFlow extends Flow<Shared> {
  readonly #terminal: Terminal;

  constructor(start: BaseNode<Shared>, terminal: Terminal) {
    super(start, { name: "Exchange" });
    this.#terminal = terminal;
  }

  override execFallback(_nothing: undefined, error: unknown): undefined {
    if (error instanceof DeniedError) throw error; // a wrong key stays wrong
    this.#terminal.write(`(Not remembered: ${(error as Error).message})`);
  }
}

export function createMemoryChatFlow(
  model: Model,
  memory: Memory,
  terminal: Terminal,
  { window, recall }: Sizes,
): Flow<Shared> {
  const listen = node({
    name: "Listen",
    exec: async () => (await terminal.read())?.trim(),
    post: (shared: Shared, _nothing, line) => {
      if (line === undefined) return "left";
      shared.question = line;
      return line === "" ? "silent" : "said";
    },
  });

  const find = node({
    name: "Recall",
    ...model.calls,
    prep: ({ question }: Shared) => (memory.size > window ? question : ""),
    exec: async (question, ctx) => {
      if (question === "") return []; // the window has all exchanges, so no vector is needed
      const [vector = []] = await model.embed([question], ctx);
      return memory.nearest(vector, window, recall, LEAST_LIKENESS);
    },
    post: (shared, _question, recalled) => {
      shared.recalled = recalled;
    },
  });

  const answer = node({
    name: "Answer",
    ...model.calls,
    prep: ({ question, recalled }: Shared): Message[] => [
      { role: "system", content: INSTRUCTIONS },
      { role: "system", content: `From earlier: ${JSON.stringify(recalled)}` },
      ...memory.newest(window).flatMap((exchange): Message[] => [
        { role: "user", content: exchange.question },
        { role: "assistant", content: exchange.answer },
      ]),
      { role: "user", content: question },
    ],
    exec: (messages, ctx) => model.chat(messages, ctx),
    post: (shared, _messages, text) => {
      shared.answer = text;
      terminal.write(text);
    },
  });

  const remember = node({
    name: "Remember",
    ...model.calls,
    prep: ({ question, answer }: Shared): Exchange => ({ question, answer }),
    exec: async (exchange, ctx) => {
      const [vector = []] = await model.embed([`${exchange.question}\n${exchange.answer}`], ctx);
      return vector;
    },
    // Not in `exec`, which may run again: here it is kept once.
    post: (_shared, exchange, vector) => memory.add(exchange, vector),
  });

  const exchange = new ExchangeFlow(chain(find, answer, remember), terminal);
  listen.branch({ said: exchange, silent: listen, left: null });
  exchange.next(listen);
  return new Flow(listen, { name: "MemoryChat" });
}
