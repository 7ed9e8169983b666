// A model on this machine, for those who have no key: aimock speaks OpenAI's protocol. It picks the sentences that
// have most to do with the question, and asks the other documents that it came upon the same.
import { setTimeout as sleep } from "node:timers/promises";
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";
import { termsOf } from "./corpus.js";
import type { Notes } from "./llm.js";

/** A model that runs until it is closed. */
export interface StandIn {
  /** For an SDK's `baseURL`. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Starts a stand-in on a free loopback port. @param pace Milliseconds for each answer. */
export async function startStandIn(pace = 60): Promise<StandIn> {
  const mock = new LLMock({ host: "127.0.0.1", port: 0, journalMaxEntries: 1 });
  mock.on({ endpoint: "chat" }, async ({ messages }: ChatCompletionRequest) => {
    await sleep(pace, undefined, { ref: false });
    const prompt = String(messages.at(-1)?.content);
    if (prompt.startsWith("Report on: ")) return { content: reportOf(prompt) };
    return { content: JSON.stringify(notesOf(prompt)) };
  });
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}

const sentences = new Intl.Segmenter("en", { granularity: "sentence" });
/** Words are the same if they begin alike: limit, limits, limiting. */
const stem = (word: string) => word.slice(0, 5);

function notesOf(prompt: string): Notes {
  const [, question = "", breadth] = /^Question: (.*)\nAsk at most (\d+) questions/.exec(prompt) ?? [];
  const passages = [...prompt.matchAll(/^(\d+)\. \((.*?)\) (.*)$/gm)].map(
    ([, number, id = "", text = ""]) => ({
      number: Number(number),
      id,
      text,
    }),
  );
  const { document, same } = parse(question);
  const asked = new Set(termsOf(same).map(stem));
  const ranked = passages
    .filter(({ id }) => document === undefined || id.startsWith(document))
    .flatMap(({ number, text }) =>
      Array.from(sentences.segment(text), ({ segment }) => ({ number, text: segment.trim() })),
    )
    .filter(({ text }) => text.length > 30 && text.length < 300)
    .map((each) => {
      const stems = new Set(termsOf(each.text).map(stem));
      return {
        ...each,
        score: [...asked].filter((term) => stems.has(term)).length / Math.sqrt(stems.size + 4),
      };
    })
    .sort((a, b) => b.score - a.score || a.number - b.number);
  const best = ranked.slice(0, 2);
  if (best.length === 0) best.push({ number: 1, text: passages[0]?.text.slice(0, 200) ?? "", score: 0 });
  return {
    text: best.map(({ text }) => (/[.!?:]$/.test(text) ? text : `${text}.`)).join(" "),
    sources: [...new Set(best.map(({ number }) => number))],
    questions: others(
      question,
      passages.map(({ id }) => id),
    ).slice(0, Number(breadth)),
  };
}

/** Asks each other document that had a passage the same. */
function others(question: string, ids: readonly string[]): string[] {
  const { document, same } = parse(question);
  const names = new Set(ids.map((id) => id.split(" § ", 1)[0] ?? ""));
  return [...names].filter((name) => name !== document).map((name) => `What does ${name} say of ${same}?`);
}

/** What is asked, and of which document, if it is a question of the stand-in's own. */
function parse(question: string): { document: string | undefined; same: string } {
  const [, document, same = termsOf(question).join(" ")] =
    /^What does (.+?) say of (.+)\?$/.exec(question) ?? [];
  return { document, same };
}

/** Every finding's first sentence, with its sources. */
function reportOf(prompt: string): string {
  const lines = [...prompt.matchAll(/^- .*?\? ((?:\[\d+\])+) (.*)$/gm)].map(([, numbers, text = ""]) => {
    const [first] = sentences.segment(text);
    return `${first?.segment.trim()} ${numbers}`;
  });
  return [...new Set(lines)].join("\n");
}
