// A model on this machine, for those who have no key: aimock speaks OpenAI's protocol. A summary is the two
// sentences that share most words with the whole story, in their order.
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";

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
    const [head = "", ...text] = String(messages.at(-1)?.content).split("\n\n");
    return { content: summaryOf(text.join(" ")) || head };
  });
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}

const sentences = new Intl.Segmenter("en", { granularity: "sentence" });
const wordsOf = (text: string): string[] => text.toLowerCase().match(/\p{L}{4,}/gu) ?? [];

function summaryOf(text: string): string {
  const counts = new Map<string, number>();
  for (const word of wordsOf(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return Array.from(sentences.segment(text), ({ segment }, at) => {
    const words = new Set(wordsOf(segment));
    const common = [...words].reduce((sum, word) => sum + (counts.get(word) ?? 0) - 1, 1);
    return { at, text: segment.trim(), score: common / Math.sqrt(words.size + 4) };
  })
    .sort((a, b) => b.score - a.score)
    .slice(0, 2)
    .sort((a, b) => a.at - b.at)
    .map(({ text }) => text)
    .join(" ");
}
