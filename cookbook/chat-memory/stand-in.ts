// A model on this machine, for those who have no key: aimock speaks OpenAI's protocol. It answers a question with
// the sentence in its prompt that fits best, and knows nothing that is not in its prompt. Its vectors count words.
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";

/** Starts a stand-in on a free loopback port. */
export async function startStandIn(): Promise<{ url: string; close: () => Promise<void> }> {
  const mock = new LLMock({ host: "127.0.0.1", port: 0, journalMaxEntries: 1 });
  mock.on({ endpoint: "chat" }, ({ messages }: ChatCompletionRequest) => {
    const system = String(messages[0]?.content);
    const recalled = [...system.matchAll(/^Person: (.+)$/gm)].map(([, said = ""]) => said);
    const [question = "", ...before] = messages
      .filter(({ role }) => role === "user")
      .map(({ content }) => String(content))
      .reverse();
    return { content: answerFrom([...before, ...recalled], question) };
  });
  mock.onEmbedding(/(?:)/, ({ embeddingInput = "" }) => ({ embedding: vectorOf(embeddingInput) }));
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}

/** Answers with what the person said, if most words of the question are in it. */
export function answerFrom(said: readonly string[], question: string): string {
  const asked = wordsOf(question);
  if (!question.includes("?")) return `I see. That is ${asked.length} words to keep in mind.`;
  const overlap = (sentence: string) => {
    const words = new Set(wordsOf(sentence));
    return asked.filter((word) => words.has(word)).length;
  };
  const [best] = said.filter((each) => !each.includes("?")).sort((a, b) => overlap(b) - overlap(a));
  return best !== undefined && overlap(best) > asked.length / 2
    ? `You told me: "${best}"`
    : "You have not told me, as far as I can remember.";
}

const DIMENSIONS = 512;

/** Counts the words of a text, each at a place of its own, or nearly so. */
export function vectorOf(text: string): number[] {
  const vector = new Array<number>(DIMENSIONS).fill(0);
  for (const word of wordsOf(text)) {
    let place = 0;
    for (const letter of word) place = (place * 31 + (letter.codePointAt(0) ?? 0)) % DIMENSIONS;
    vector[place] = (vector[place] ?? 0) + 1;
  }
  vector[0] ||= 0.001; // a vector of nothing has no direction
  return vector;
}

/** Words of little meaning, which every text has. */
const COMMON = new Set(
  "a an and are as at do i in is it me my of on so that the to was we what where which who you your".split(
    " ",
  ),
);

function wordsOf(text: string): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.filter((word) => !COMMON.has(word)).map((word) => word.replace(/(?<=..)(ed|ing|s)$/, ""));
}
