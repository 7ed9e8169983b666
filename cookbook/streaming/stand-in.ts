// A model on this machine, for those who have no key: aimock speaks OpenAI's protocol and streams piece by piece;
// what it says is computed from the conversation.
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";

/** A model that runs until it is closed. */
export interface StandIn {
  /** For an SDK's `baseURL`. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Starts a stand-in on a free loopback port. @param pace Milliseconds between two pieces. */
export async function startStandIn(pace = 15): Promise<StandIn> {
  const mock = new LLMock({ host: "127.0.0.1", port: 0, latency: pace, chunkSize: 5, journalMaxEntries: 1 });
  mock.on({ endpoint: "chat" }, ({ messages }: ChatCompletionRequest) => {
    const said = messages.map(({ role, content }) => ({ role, content: String(content) }));
    return { content: replyTo(said) };
  });
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}

/** Takes the last question apart; "go on" gets the rest of the answer that was stopped. */
export function replyTo(messages: readonly { role: string; content: string }[]): string {
  const questions: string[] = [];
  let said = "";
  for (const { role, content } of messages) {
    if (role === "assistant") said += content;
    if (role === "user" && !/^go on\b/i.test(content)) {
      questions.push(content);
      said = "";
    }
  }
  const whole = takeApart(questions.at(-1) ?? "nothing");
  const rest = whole.startsWith(said) ? whole.slice(said.length) : whole;
  return rest || "That was all.";
}

/** Says of each word what there is to say about it. */
export function takeApart(question: string): string {
  const words = question.match(/[\p{L}\p{N}'’-]+/gu) ?? [];
  const facts = words.map((word, at) => {
    const letters = [...word];
    const vowels = letters.filter((letter) => /[aeiouäöü]/i.test(letter)).length;
    const others = words.filter((other) => other !== word && other.at(0) === word.at(0));
    const shared = others.length > 0 ? `, and begins like “${others[0]}”` : "";
    return `Word ${at + 1} is “${word}”: ${letters.length} letters, ${vowels} of them vowels, backwards “${letters.reverse().join("")}”${shared}.`;
  });
  return [`You wrote ${words.length} words.`, ...facts].join(" ");
}
