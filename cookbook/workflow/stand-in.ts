// A model on this machine, for those who have no key: aimock speaks OpenAI's protocol, and what it answers is
// computed from the text that it is sent, by rules for each of the three tasks.
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";
import { TASKS } from "./llm.js";

/** A model that runs until it is closed. */
export interface StandIn {
  /** For an SDK's `baseURL`. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Starts the model on a free loopback port. */
export async function startStandIn(): Promise<StandIn> {
  const mock = new LLMock({ host: "127.0.0.1", port: 0, journalMaxEntries: 1 });
  mock.on({ endpoint: "chat" }, ({ messages }: ChatCompletionRequest) => {
    const [task, text = ""] = messages.map(({ content }) => String(content));
    return {
      content: task === TASKS.outline ? outline(text) : task === TASKS.section ? section(text) : style(text),
    };
  });
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}

const segmenter = new Intl.Segmenter("en", { granularity: "sentence" });
const sentencesOf = (text: string): string[] =>
  Array.from(segmenter.segment(text.replaceAll(/\s+/g, " ")), ({ segment }) => segment.trim()).filter(
    Boolean,
  );
/** Words long enough to mean something, a plural as its singular. */
const wordsOf = (text: string): Set<string> =>
  new Set((text.toLowerCase().match(/\p{L}{5,}/gu) ?? []).map((word) => word.replace(/(?<!s)s$/, "")));

/** The words that most of the sentences not yet told of have in common, up to four. */
function outline(notes: string): string {
  let left = sentencesOf(notes).map(wordsOf);
  const headings: string[] = [];
  while (left.length > 0 && headings.length < 4) {
    const counts = new Map<string, number>();
    for (const words of left) for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
    const [best] = [...counts].sort(([, a], [, b]) => b - a);
    if (best === undefined || (best[1] < 2 && headings.length > 0)) break;
    headings.push(best[0]);
    left = left.filter((words) => !words.has(best[0]));
  }
  return headings.map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`).join("\n");
}

/** The sentences that the heading is the first to claim. */
function section(prompt: string): string {
  const [, list = "", heading = "", notes = ""] =
    /^Sections: (.*)\nWrite: (.*)\nNotes:\n([\s\S]*)/.exec(prompt) ?? [];
  const claims = list.split(" | ");
  const mine = sentencesOf(notes).filter((sentence) => {
    const words = wordsOf(sentence);
    return claims.find((claim) => words.has(claim.toLowerCase())) === heading;
  });
  return mine.join(" ") || `The notes say nothing of ${heading.toLowerCase()}.`;
}

const PLAIN: readonly (readonly [RegExp, string])[] = [
  [/\bin order to\b/gi, "to"],
  [/\butili[sz]ed\b/gi, "used"],
  [/\butili[sz]e\b/gi, "use"],
  [/\bapproximately\b/gi, "about"],
  [/\bhas the authority to\b/gi, "may"],
  [/\bhave to\b/gi, "must"],
  [/\bit is therefore the duty of the (\w+) to\b/gi, "so the $1 has to"],
  [/\bit is (?:very )?important that\b/gi, "note that"],
  [/, and (?=each|so)/gi, ". "],
];

/** Plainer words, and a capital at the beginning of each sentence. */
function style(article: string): string {
  const plain = PLAIN.reduce((text, [pompous, word]) => text.replaceAll(pompous, word), article);
  return plain.replaceAll(/(^|[.!?] +)(\p{Ll})/gmu, (_all, before, letter) => before + letter.toUpperCase());
}
