// A model on this machine, for those who have no key: aimock speaks OpenAI's protocol, and what it writes is computed
// from the topic and from the feedback so far.
import { setTimeout as sleep } from "node:timers/promises";
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";

/** A model that runs until it is closed. */
export interface StandIn {
  /** For an SDK's `baseURL`. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Starts a stand-in on a free loopback port. @param pace Milliseconds that a draft takes. */
export async function startStandIn(pace = 300): Promise<StandIn> {
  const mock = new LLMock({ host: "127.0.0.1", port: 0, journalMaxEntries: 1 });
  mock.on({ endpoint: "chat" }, async ({ messages }: ChatCompletionRequest) => {
    const [topic = "", ...feedback] = messages
      .filter(({ role }) => role === "user")
      .map(({ content }) => String(content));
    await sleep(pace, undefined, { ref: false });
    return { content: write(topic, feedback) };
  });
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}

/** Fills in a form letter, as all feedback so far would have it. */
export function write(topic: string, feedback: readonly string[]): string {
  const wants = (what: RegExp) => feedback.some((each) => what.test(each));
  const mentions = feedback.flatMap((each) => /mention (.+?)[.!]*$/i.exec(each)?.[1] ?? []);
  const others = feedback.filter((each) => !/shorter|formal|mention ./i.test(each));
  const sentences = [
    `${wants(/formal/i) ? "Dear customers, we" : "Hello everybody, we"} have news about ${topic}.`,
    ...(wants(/shorter/i)
      ? []
      : ["We have thought about it for a long time, and we are happy to tell you today."]),
    ...mentions.map((what) => `Please also note ${what}.`),
    ...others.map((each) => `(You said: “${each}” A real model would know what to do about it.)`),
    wants(/formal/i) ? "Yours faithfully" : "See you soon!",
  ];
  return sentences.join(" ");
}
