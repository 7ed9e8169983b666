// Models on this machine, for those who have no key: aimock speaks OpenAI's protocol. Vectors are hashed bags of
// words, so texts that share words are near each other; answers are sentences of the passages.
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";
import type { Passage } from "./vector-index.js";

/** Starts a stand-in on a free loopback port. */
export async function startStandIn(): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const mock = new LLMock({ host: "127.0.0.1", port: 0, journalMaxEntries: 1 });
  mock.on({ endpoint: "chat" }, ({ messages }: ChatCompletionRequest) => ({
    content: answer(JSON.parse(String(messages.at(-1)?.content))),
  }));
  // aimock's own embeddings are one vector a request, so those are answered here.
  mock.mount("/v1/embeddings", {
    handleRequest: async (request, response) => {
      response
        .writeHead(200, { "content-type": "application/json" })
        .end(JSON.stringify(await embeddings(request)));
      return true;
    },
  });
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}

async function embeddings(request: IncomingMessage) {
  const { model, input, dimensions } = (await json(request)) as {
    model: string;
    input: string[];
    dimensions: number;
  };
  const data = input.map((text, index) => {
    const embedding = Buffer.from(embed(text, dimensions).buffer).toString("base64");
    return { object: "embedding", index, embedding };
  });
  const tokens = Math.ceil(input.join("").length / 4);
  return { object: "list", model, data, usage: { prompt_tokens: tokens, total_tokens: tokens } };
}

/** Counts words, each at the place that its hash names and with the sign that it names, so that clashes cancel out. */
export function embed(text: string, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  const counts = new Map<string, number>();
  for (const word of wordsOf(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  for (const [word, count] of counts) {
    const hash = createHash("md5").update(word).digest();
    const at = hash.readUInt32LE(0) % dimensions;
    vector[at] = (vector[at] ?? 0) + (hash.readInt8(4) < 0 ? -1 : 1) * (1 + Math.log(count));
  }
  return vector;
}

/** Gives the two sentences that share most words with the question, and at least half of them. */
function answer({
  question,
  passages,
}: {
  question: string;
  passages: (Passage & { number: number })[];
}): string {
  const words = new Set(wordsOf(question));
  const scored = passages.flatMap(({ number, source, text }) => {
    const title = new Set(wordsOf(source));
    return sentencesOf(text).map((sentence) => {
      const said = new Set(wordsOf(sentence));
      const shared = [...words].reduce(
        (sum, word) => sum + (said.has(word) ? 1 : title.has(word) ? 0.5 : 0),
        0,
      );
      return { told: `${sentence} [${number}]`, shared, score: shared - said.size / 100 };
    });
  });
  const near = scored.filter(({ shared }) => shared >= words.size / 2).sort((a, b) => b.score - a.score);
  return near.length > 0
    ? near
        .slice(0, 2)
        .map(({ told }) => told)
        .join("\n")
    : "The passages do not answer that.";
}

const COMMON =
  "a about an and any are as at be by can could do does for from get has have how i if in into is it its many may me " +
  "more much my not of on one or other should so than that the their them then there these they this to use used using " +
  "via was we what when where which who why will with would you your";
const common = new Set(COMMON.split(" "));

/** The words that mean something, without the endings that only grammar asks for. */
const wordsOf = (text: string) =>
  (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])
    .filter((word) => word.length > 1 && !common.has(word))
    .map((word) => (word.length > 4 ? word.replace(/(?:ing|ions?|ed|es|s)$/, "") : word));

/** What reads like a sentence: no code, no table, no badge. */
function sentencesOf(markdown: string): string[] {
  return markdown
    .replaceAll(/^(```|~~~)[\s\S]*?(^\1|$(?![\s\S]))/gm, "")
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .split(/\n\s*\n|\n(?=\s*[-*|>#])|(?<=[.!?])\s+(?=[\p{Lu}`])/u)
    .map((sentence) =>
      sentence
        .trim()
        .replace(/^[-*>]\s+/, "")
        .replaceAll(/\s+/g, " "),
    )
    .filter((sentence) => /^[\p{L}`*].{25,300}$/u.test(sentence));
}
