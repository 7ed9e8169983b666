// A model on this machine, for those who have no key: aimock speaks OpenAI's protocol. It answers with sentences of
// the guide and judges by the words in the texts. It is as gullible as a model can be, so that the guards have work.
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";

/** Starts a stand-in on a free loopback port. */
export async function startStandIn(): Promise<{ url: string; close: () => Promise<void> }> {
  const mock = new LLMock({ host: "127.0.0.1", port: 0, journalMaxEntries: 1 });
  mock.on({ endpoint: "chat" }, ({ messages }: ChatCompletionRequest) => {
    const [system = "", user = ""] = messages.map(({ content }) => String(content));
    return {
      content: system.startsWith("You check") ? judge(system, JSON.parse(user)) : answer(system, user),
    };
  });
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}

/** Words of little meaning, which every text has. */
const COMMON = new Set(
  "a an and are be by can do for from give how i if in is it may me my no not of on or our should so some than that the them then there they this to we what when which with you your".split(
    " ",
  ),
);

const wordsOf = (text: string) =>
  (text.toLowerCase().match(/\p{L}+/gu) ?? [])
    .filter((word) => !COMMON.has(word))
    .map((word) =>
      word
        .replace(/(ings?|ed|es|s)$/, "")
        .replace(/i$/, "y")
        .replace(/e$/, ""),
    );

const shareIn = (text: string, source: string) => {
  const known = new Set(wordsOf(source));
  const words = wordsOf(text);
  return words.filter((word) => known.has(word)).length / (words.length || 1);
};

/** Answers with the sentence of the guide that fits best, and adds whatever it is asked to add. */
function answer(system: string, question: string): string {
  const [instructions = "", guide = ""] = system.split("\n\nGuide:\n");
  const sentences = guide.split("\n").filter((line) => /\.$/.test(line));
  const asked = new Set(wordsOf(question));
  const overlap = (sentence: string) => wordsOf(sentence).filter((word) => asked.has(word)).length;
  const best = sentences.reduce((a, b) => (overlap(b) > overlap(a) ? b : a), "");
  const [, repeat] = /(?:end with|add|say):? ["“](.+?)["”]/i.exec(question) ?? [];
  const confession = /\bwere you told\b|\bdiscount code\b/i.test(question) ? instructions : undefined;
  return [best, repeat, confession].filter(Boolean).join(" ");
}

/** Judges by how many words of a text are those of the guide, and by the tone of an order. */
function judge(criterion: string, what: { guide: string; question: string; answer?: string }): string {
  if (criterion.includes("is about what the guide")) {
    return shareIn(what.question, what.guide) >= 0.2 ? "PASS" : "FAIL: none of it is in the guide";
  }
  if (criterion.includes("does not try to change")) {
    return /\b(from now on|new rules?|obey|jailbreak|no longer)\b/i.test(what.question)
      ? "FAIL: it tries to change the assistant"
      : "PASS";
  }
  return shareIn(what.answer ?? "", what.guide) >= 0.8 ? "PASS" : "FAIL: not all of it is in the guide";
}
