// A model on this machine, for those who have no key: aimock speaks OpenAI's protocol. It works out the answer,
// and then slips in two answers of five, each time in another way, as a model that thinks aloud may.
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
  let calls = 0;
  mock.on({ endpoint: "chat" }, ({ messages }: ChatCompletionRequest) => ({
    content: think(String(messages.at(-1)?.content), SLIPS[calls++ % SLIPS.length] ?? "none"),
  }));
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}

/** What goes wrong in one answer after the other. */
const SLIPS = ["none", "order", "none", "end", "none"] as const;
type Slip = (typeof SLIPS)[number];

const SUM = /-?\d+(?:\s*[-+*×−]\s*\d+)+/;
const LETTERS =
  /how many (?:letters )?["“']?(\p{L})["”']?(?:['’]?s)? (?:are |is )?(?:there )?in (?:the word )?["“']?(\p{L}+)/iu;

function think(question: string, slip: Slip): string {
  const sum = SUM.exec(question)?.[0];
  if (sum !== undefined) {
    const steps = slip === "order" ? "from left to right" : "products first";
    return `I take ${sum}, ${steps}.\nAnswer: ${calculate(sum, slip)}`;
  }
  const [, letter, word = ""] = LETTERS.exec(question) ?? [];
  if (letter === undefined) return "I can only add, multiply and count letters.\nAnswer: unknown";
  // One who reads in a hurry sees two of the same as one, or does not come to the end of the word.
  const seen =
    slip === "order" ? word.replaceAll(/(.)\1/giu, "$1") : slip === "end" ? word.slice(0, -3) : word;
  const count = [...seen.toLowerCase()].filter((each) => each === letter.toLowerCase()).length;
  return `I look at ${word}, letter by letter.\nAnswer: ${count}`;
}

function calculate(sum: string, slip: Slip): number {
  const [first = "0", ...rest] =
    sum
      .replaceAll("×", "*")
      .replaceAll("−", "-")
      .match(/^-?\d+|[-+*]|\d+/g) ?? [];
  const steps = rest.flatMap((operator, at) =>
    at % 2 === 0 ? [{ operator, value: Number(rest[at + 1]) }] : [],
  );
  if (slip === "end") steps.pop();
  if (slip === "order") {
    return steps.reduce(
      (all, { operator, value }) =>
        operator === "*" ? all * value : operator === "+" ? all + value : all - value,
      Number(first),
    );
  }
  const terms = [Number(first)];
  for (const { operator, value } of steps) {
    if (operator === "*") terms.push((terms.pop() ?? 0) * value);
    else terms.push(operator === "+" ? value : -value);
  }
  return terms.reduce((all, term) => all + term, 0);
}
