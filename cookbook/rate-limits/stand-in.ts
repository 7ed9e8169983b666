// A vendor on this machine, for those who have no key: aimock speaks OpenAI's protocol. It answers with words of the
// text, refuses who goes over its limits, and has a storm: for a while it refuses everybody, as vendors do.
import { setTimeout as sleep } from "node:timers/promises";
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";
import type { Limits } from "./llm.js";

/** When everybody is refused. */
export interface Storm {
  /** It begins after so many accepted calls. */
  readonly after: number;
  /** Milliseconds. */
  readonly lasts: number;
  /** What `Retry-After` says, in seconds. */
  readonly retryAfter: number;
}

/** One request, as the vendor saw it. */
export interface Seen {
  readonly at: number;
  readonly prompt: string;
  readonly status: number;
}

/** A vendor that runs until it is closed. */
export interface StandIn {
  /** For an SDK's `baseURL`. */
  readonly url: string;
  /** Every request, in the order of arrival. */
  readonly seen: readonly Seen[];
  readonly close: () => Promise<void>;
}

/** Starts a stand-in on a free loopback port. */
export async function startStandIn(limits: Limits, storm: Storm): Promise<StandIn> {
  const mock = new LLMock({ host: "127.0.0.1", port: 0, journalMaxEntries: 1 });
  const requests = new Bucket(limits.requests);
  const tokens = new Bucket(limits.tokens);
  const seen: Seen[] = [];
  let accepted = 0;
  let stormUntil: number | undefined;
  mock.on({ endpoint: "chat" }, async ({ messages }: ChatCompletionRequest) => {
    const [instructions = "", text = ""] = messages.map(({ content }) => String(content));
    const at = performance.now();
    const answerWith = (status: number) => seen.push({ at, prompt: `${instructions}\n${text}`, status });
    if (accepted >= storm.after) stormUntil ??= at + storm.lasts;
    const content = answerTo(instructions, text);
    const prompt_tokens = Math.ceil((instructions.length + text.length) / 4);
    const completion_tokens = Math.ceil(content.length / 4);
    const needed = prompt_tokens + completion_tokens;
    if (at < (stormUntil ?? 0) || !requests.has(1) || !tokens.has(needed)) {
      answerWith(429);
      const error = { message: "Rate limit reached", type: "requests", code: "rate_limit_exceeded" };
      return { status: 429, retryAfter: storm.retryAfter, error };
    }
    answerWith(200);
    accepted++;
    requests.take(1);
    tokens.take(needed);
    await sleep(40 + needed / 5, undefined, { ref: false });
    return { content, usage: { prompt_tokens, completion_tokens } };
  });
  await mock.start();
  return { url: `${mock.url}/v1`, seen, close: () => mock.stop() };
}

/** The longest word, or the first sentence: enough to see that each answer belongs to its text. */
export function answerTo(instructions: string, text: string): string {
  const words = text.match(/\p{L}+/gu) ?? ["nothing"];
  if (/one word/.test(instructions))
    return words.reduce((best, word) => (word.length > best.length ? word : best));
  return /[^.!?]+[.!?]?/.exec(text)?.[0].trim().slice(0, 160) || "Nothing.";
}

/** A token bucket that starts full and holds half a second's worth. */
class Bucket {
  readonly #perMs: number;
  #level: number;
  #filledAt = performance.now();

  constructor(perMinute: number) {
    this.#perMs = perMinute / 60_000;
    this.#level = 500 * this.#perMs;
  }

  has(amount: number): boolean {
    const now = performance.now();
    this.#level = Math.min(500 * this.#perMs, this.#level + (now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
    return this.#level >= Math.min(amount, 500 * this.#perMs);
  }

  take(amount: number): void {
    this.#level -= amount;
  }
}
