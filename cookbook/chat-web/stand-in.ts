// A model on this machine, for those who have no key: aimock speaks OpenAI's protocol and streams word by word;
// what it says is computed from the room's own messages.
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";

/** A model that runs until it is closed. */
export interface StandIn {
  /** For an SDK's `baseURL`. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Starts a stand-in on a free loopback port. @param pace Milliseconds between two pieces. */
export async function startStandIn(pace = 25): Promise<StandIn> {
  const mock = new LLMock({ host: "127.0.0.1", port: 0, latency: pace, chunkSize: 4, journalMaxEntries: 1 });
  mock.on({ endpoint: "chat" }, ({ messages }: ChatCompletionRequest) => {
    const said = messages.filter(({ role }) => role === "user").map(({ content }) => String(content));
    return { content: answerTo(said) };
  });
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}

/** Says of a message what can be counted in it, and what was said before in the same room. */
export function answerTo(said: readonly string[]): string {
  const text = said.at(-1) ?? "";
  const words = text.match(/[\p{L}\p{N}'’-]+/gu) ?? [];
  const longest = words.reduce((best, word) => (word.length > best.length ? word : best), "");
  const counts = `That is ${count(words.length, "word")} and ${count([...text].length, "character")}.`;
  const backwards =
    words.length > 0
      ? ` The longest word is “${longest}”, and backwards you said “${[...words].reverse().join(" ")}”.`
      : "";
  const before =
    said.length > 1
      ? `\n\nIt is your message number ${said.length} in this room; the first was “${said[0]?.slice(0, 80)}”.`
      : "\n\nIt is your first message in this room.";
  return `${counts}${backwards}${before}`;
}

const count = (number: number, what: string) => `${number} ${what}${number === 1 ? "" : "s"}`;
