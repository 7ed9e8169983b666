// A vendor on this machine, for those who have no key: aimock speaks OpenAI's protocol, what it answers is
// computed from the document, and like any vendor it refuses who goes over its limits.
import { setTimeout as sleep } from "node:timers/promises";
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";
import { summariseText } from "./summarise-text.js";

/** What a stand-in allows, each a minute. */
export interface Limits {
  readonly requests: number;
  readonly tokens: number;
}

/** A vendor that runs until it is closed. */
export interface StandIn {
  /** For an SDK's `baseURL`. */
  readonly url: string;
  /** How many calls it has let pass, and how many it has refused. */
  readonly calls: { readonly accepted: number; readonly refused: number };
  readonly close: () => Promise<void>;
}

/** Starts a stand-in on a free loopback port. */
export async function startStandIn(limits: Limits): Promise<StandIn> {
  const requests = new Bucket(limits.requests);
  const tokens = new Bucket(limits.tokens);
  const calls = { accepted: 0, refused: 0 };
  const mock = new LLMock({ host: "127.0.0.1", port: 0, journalMaxEntries: 1 });
  mock.on({ endpoint: "chat" }, async ({ messages }: ChatCompletionRequest) => {
    const texts = messages.map(({ content }) => String(content));
    const prompt_tokens = countTokens(texts.join("\n"));
    const wait = Math.max(requests.waitFor(1), tokens.waitFor(prompt_tokens));
    if (wait > 0) {
      calls.refused++;
      const error = { message: "Rate limit reached", type: "requests", code: "rate_limit_exceeded" };
      return { status: 429, retryAfter: Math.ceil(wait / 1_000), error };
    }
    calls.accepted++;
    const content = summariseText(texts.at(-1) ?? "");
    const completion_tokens = countTokens(content);
    requests.take(1);
    tokens.take(prompt_tokens + completion_tokens);
    await sleep(200 + Math.min(600, prompt_tokens / 4), undefined, { ref: false });
    return { content, usage: { prompt_tokens, completion_tokens } };
  });
  await mock.start();
  return { url: `${mock.url}/v1`, calls, close: () => mock.stop() };
}

/** A token bucket that starts full and holds two seconds' worth. */
class Bucket {
  readonly #perMs: number;
  readonly #capacity: number;
  #level: number;
  #filledAt = performance.now();

  constructor(perMinute: number) {
    this.#perMs = perMinute / 60_000;
    this.#capacity = Math.max(1, this.#perMs * 2_000);
    this.#level = this.#capacity;
  }

  /** Milliseconds until a call of this size may pass; one that is larger than the bucket needs it full. */
  waitFor(amount: number): number {
    const now = performance.now();
    this.#level = Math.min(this.#capacity, this.#level + (now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
    return Math.max(0, Math.min(amount, this.#capacity) - this.#level) / this.#perMs;
  }

  take(amount: number): void {
    this.#level -= amount;
  }
}

/** Counts about as a language model's tokeniser does: short words whole, long ones in pieces. */
function countTokens(text: string): number {
  return text.match(/\p{L}{1,6}|\p{N}{1,3}|[^\s\p{L}\p{N}]{1,3}/gu)?.length ?? 0;
}
