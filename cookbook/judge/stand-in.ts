// A model on this machine, for those who have no key: aimock speaks OpenAI's protocol. As a judge it looks for
// the facts' words, for praise and for length; as a writer it begins badly and does what the advice says.
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";
import { MOST_WORDS, type Review } from "./rubric.js";

/** A model that runs until it is closed. */
export interface StandIn {
  /** For an SDK's `baseURL`. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Starts a stand-in on a free loopback port. */
export async function startStandIn(): Promise<StandIn> {
  const mock = new LLMock({ host: "127.0.0.1", port: 0, journalMaxEntries: 1 });
  mock.on({ endpoint: "chat" }, ({ messages }: ChatCompletionRequest) => {
    const prompt = String(messages.at(-1)?.content);
    const facts = listed(prompt, "Facts");
    const [, text] = /^Text:\n(.*)/ms.exec(prompt) ?? [];
    if (text !== undefined) return { content: JSON.stringify(judge(facts, text)) };
    const [, draft] = /^Draft:\n(.*)/ms.exec(prompt) ?? [];
    return { content: draft === undefined ? boast(facts) : revise(draft, listed(prompt, "Advice")) };
  });
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}

const PRAISE =
  /\b(amazing|blazing-fast|revolutionary|powerful|simple|modern|best|love|ultimate|lightweight)\b/gi;

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}@/.-]*[\p{L}\p{N}]/gu) ?? [];

/** Marks a text by what can be counted in it. */
export function judge(facts: readonly string[], text: string): Review {
  const words = wordsOf(text);
  const known = new Set(words);
  const missing = facts.filter((fact) => {
    const needed = wordsOf(fact).filter((word) => word.length > 2 && !/^(the|its|for|and)$/.test(word));
    return needed.filter((word) => known.has(word)).length < 0.7 * needed.length;
  });
  const praise = [...new Set(text.toLowerCase().match(PRAISE) ?? [])];
  const over = Math.max(0, words.length - MOST_WORDS);
  return {
    facts: Math.round((10 * (facts.length - missing.length)) / facts.length),
    plain: Math.max(0, 10 - 3 * praise.length),
    brief: Math.max(0, 10 - over),
    advice: [
      ...praise.map((word) => `Leave out: ${word}`),
      ...missing.map((fact) => `Say also: ${fact}`),
      ...(over > 0 ? [`Use ${over} words less.`] : []),
    ].slice(0, 8),
  };
}

/** A first draft as a tired copywriter would have it. */
const boast = ([first = "", about = ""]: readonly string[]) =>
  `Meet ${first.split(" ", 1)}, the amazing and blazing-fast package that you will love! ${about}`;

/** Does at most three things that it was advised, and sometimes makes matters worse by it. */
export function revise(draft: string, advice: readonly string[]): string {
  return advice.slice(0, 3).reduce((text, each) => {
    const [, praise] = /^Leave out: (.+)/.exec(each) ?? [];
    if (praise) {
      const sentences = text
        .split(/(?<=[.!?]) /)
        .map((sentence) =>
          sentence.includes("Meet ")
            ? ""
            : sentence.replaceAll(new RegExp(`(,? and|,)? ?\\b${praise}\\b`, "gi"), ""),
        );
      return sentences.filter(Boolean).join(" ");
    }
    const [, fact] = /^Say also: (.+)/.exec(each) ?? [];
    if (fact) return `${text} ${fact}`.trim();
    return text.slice(0, text.trimEnd().lastIndexOf(". ") + 1) || text; // the last sentence goes
  }, draft);
}

/** The lines of a list in the prompt. */
function listed(prompt: string, title: string): string[] {
  const [, lines = ""] = new RegExp(`^${title}:\n((?:- .+\n)*)`, "m").exec(prompt) ?? [];
  return lines.split("\n").flatMap((line) => (line === "" ? [] : [line.slice(2)]));
}
