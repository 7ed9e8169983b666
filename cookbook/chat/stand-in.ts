// A model on this machine, for those who have no key: aimock speaks OpenAI's protocol, and what it answers is
// computed from the conversation that it is sent. It keeps nothing from one call to the next.
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
    content: answerTo(messages.filter(({ role }) => role === "user").map(({ content }) => String(content))),
  }));
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}

const FACT = /\bmy ([\p{L} ]+?) is ([^.!?,]+)/giu;
const QUESTION = /\bwhat(?: is|'s|’s) my ([\p{L} ]+)/iu;
const CALCULATION = /(-?\d+(?:\.\d+)?)\s*([-+*×/]|plus|minus|times)\s*(-?\d+(?:\.\d+)?)/i;

/** Answers the last of a user's messages, out of them all. */
export function answerTo(said: readonly string[]): string {
  const last = said.at(-1) ?? "";
  const before = said.slice(0, -1);
  const asked = QUESTION.exec(last)?.[1]?.trim().toLowerCase();
  if (asked !== undefined) {
    const value = factsOf(before).get(asked);
    return value === undefined ? `You have not told me your ${asked}.` : `Your ${asked} is ${value}.`;
  }
  const [, left, operator = "", right] = CALCULATION.exec(last) ?? [];
  if (left !== undefined) return `That is ${calculate(Number(left), operator.toLowerCase(), Number(right))}.`;
  const told = [...factsOf([last])].map(([thing, value]) => `your ${thing} is ${value}`);
  if (told.length > 0) return `I will remember that ${told.join(" and ")}.`;
  const first = before[0];
  return first === undefined
    ? "Hello. Tell me something about yourself: “my … is …”."
    : `That was message ${said.length}. You began with “${first}”.`;
}

/** What the user has told, the latest word on each thing. */
function factsOf(messages: readonly string[]): Map<string, string> {
  const found = messages.flatMap((message) => [...message.matchAll(FACT)]);
  return new Map(found.map(([, thing = "", value = ""]) => [thing.trim().toLowerCase(), value.trim()]));
}

function calculate(left: number, operator: string, right: number): number {
  const result = /^(\+|plus)$/.test(operator)
    ? left + right
    : /^(-|minus)$/.test(operator)
      ? left - right
      : operator === "/"
        ? left / right
        : left * right;
  return Number(result.toFixed(6));
}
