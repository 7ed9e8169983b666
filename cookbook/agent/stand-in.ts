// A model on this machine, for those who have no key: aimock speaks OpenAI's protocol, and rules decide.
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";
import type { Decision, Known } from "./llm.js";

/** Starts a stand-in on a free loopback port. */
export async function startStandIn(): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const mock = new LLMock({ host: "127.0.0.1", port: 0, journalMaxEntries: 1 });
  mock.on({ endpoint: "chat" }, ({ messages, response_format }: ChatCompletionRequest) => {
    const known: Known = JSON.parse(String(messages.at(-1)?.content));
    return { content: response_format ? JSON.stringify(decide(known)) : answer(known) };
  });
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}

/** Searches for each part of the question, and then for those of its words that no passage has. */
export function decide({ question, findings }: Known): Decision {
  const asked = new Set(findings.map(({ query }) => query));
  const read = findings.flatMap(({ passages }) =>
    passages.flatMap(({ source, text }) => wordsOf(`${source} ${text}`)),
  );
  const parts = partsOf(question);
  for (const [at, part] of parts.entries()) {
    const which = parts.length === 1 ? "the question" : `part ${at + 1} of ${parts.length}`;
    const words = wordsOf(part);
    const query = words.join(" ");
    if (!asked.has(query)) return { thought: `Nothing is known yet of ${which}.`, action: "search", query };
    const missing = words.filter((word) => !read.some((other) => alike(word, other))).join(" ");
    if (missing !== "" && !asked.has(missing)) {
      return { thought: `No passage for ${which} says “${missing}”.`, action: "search", query: missing };
    }
  }
  return { thought: "Every part of the question was searched for.", action: "answer", query: "" };
}

/** Gives for each part of the question the sentence that shares most words with it. */
function answer({ question, findings }: Known): string {
  const sentences = findings.flatMap(({ passages }) =>
    passages.flatMap(({ source, text }) => sentencesOf(text).map((sentence) => ({ source, sentence }))),
  );
  const told = partsOf(question).map((part) => {
    const scored = sentences.map(({ source, sentence }) => {
      const said = wordsOf(sentence);
      const title = wordsOf(source);
      const worth = (word: string) =>
        said.some((other) => alike(word, other)) ? 1 : title.some((other) => alike(word, other)) ? 0.5 : 0;
      const score = wordsOf(part).reduce((sum, word) => sum + worth(word), -said.length / 1_000);
      return { source, sentence, score };
    });
    const [best] = scored.sort((a, b) => b.score - a.score);
    if (best === undefined || best.score < 0.4) return `I found nothing about “${part}”.`;
    return `${best.sentence} [${best.source}]`;
  });
  return [...new Set(told)].join("\n");
}

/** Words that begin alike count as the same, as "limits" and "limited" do. */
const alike = (a: string, b: string) => (a.length > 5 ? a.slice(0, 5) === b.slice(0, 5) : a === b);

const partsOf = (question: string) =>
  question
    .split(/[?;]|,? and (?=how|what|which|who|why|when|where|can|does|is)/i)
    .map((part) => part.trim())
    .filter((part) => wordsOf(part).length > 0);

const COMMON =
  "a about an and are as at be by can could do does for from has have how i in is it its many me much my of on once one or " +
  "so than that the their them there these they this to was what when where which who why will with would you your";
const common = new Set(COMMON.split(" "));

const wordsOf = (text: string) =>
  (text.toLowerCase().match(/[\p{L}\p{N}][\p{L}\p{N}-]+/gu) ?? []).filter((word) => !common.has(word));

/** What reads like a sentence: no code, no table, no badge. */
function sentencesOf(markdown: string): string[] {
  const prose = markdown
    .replaceAll(/^(```|~~~)[\s\S]*?^\1/gm, "")
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/\n(?=\s*[-*|>#\n])/g, "\n\n");
  return prose
    .split(/\n\s*\n|(?<=[.!?])\s+(?=[\p{Lu}`])/u)
    .map((sentence) =>
      sentence
        .trim()
        .replace(/^[-*>]\s+/, "")
        .replaceAll(/\s+/g, " "),
    )
    .filter((sentence) => /^[\p{L}`*].{25,300}$/u.test(sentence));
}
