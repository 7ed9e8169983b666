// A model on this machine, for those who have no key: aimock speaks OpenAI's protocol, and what it answers is
// computed from the question.
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";

/** A model that runs until it is closed. */
export interface StandIn {
  /** For an SDK's `baseURL`. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Starts the model on a free loopback port. */
export async function startStandIn(): Promise<StandIn> {
  const mock = new LLMock({ host: "127.0.0.1", port: 0, journalMaxEntries: 1 });
  mock.on({ endpoint: "chat" }, ({ messages }: ChatCompletionRequest) => ({
    content: answerTo(String(messages.at(-1)?.content)),
  }));
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}

const CALCULATION =
  /(-?\d+(?:\.\d+)?)\s*(plus|minus|times|multiplied by|divided by|[-+*×x/÷])\s*(-?\d+(?:\.\d+)?)/i;
const COUNT = /how many (words|letters|vowels)\b.*?["'“]([^"'”]+)["'”]/i;

/** Calculates and counts; of anything else it says what it can say of it. */
export function answerTo(question: string): string {
  const [, left, operator = "", right] = CALCULATION.exec(question) ?? [];
  if (left !== undefined) return calculate(Number(left), operator.toLowerCase(), Number(right));
  const [, what = "", text] = COUNT.exec(question) ?? [];
  if (text !== undefined) return `“${text}” has ${countOf(what.toLowerCase(), text)} ${what.toLowerCase()}.`;
  const longest = wordsOf(question).sort((a, b) => b.length - a.length)[0] ?? "";
  return `I am a stand-in, and can only calculate and count. You asked in ${wordsOf(question).length} words, of which “${longest}” is the longest.`;
}

function calculate(left: number, operator: string, right: number): string {
  if (/^(divided by|[/÷])$/.test(operator) && right === 0) return "Nothing can be divided by zero.";
  const result = /^(plus|\+)$/.test(operator)
    ? left + right
    : /^(minus|-)$/.test(operator)
      ? left - right
      : /^(divided by|[/÷])$/.test(operator)
        ? left / right
        : left * right;
  return `It is ${Number(result.toFixed(6))}.`;
}

const wordsOf = (text: string): string[] => text.match(/[\p{L}\p{N}'’-]+/gu) ?? [];

function countOf(what: string, text: string): number {
  if (what === "words") return wordsOf(text).length;
  return text.match(what === "letters" ? /\p{L}/gu : /[aeiou]/gi)?.length ?? 0;
}
