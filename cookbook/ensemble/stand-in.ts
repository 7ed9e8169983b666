// Models on this machine, for those who have no key: aimock speaks OpenAI's protocol, and what it answers is
// computed from the e-mail. Each manner takes a time of its own, as models do.
import { setTimeout as sleep } from "node:timers/promises";
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";
import { keywordsOf } from "./keywords.js";

/** Models that run until they are closed. */
export interface StandIn {
  /** For an SDK's `baseURL`. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** The name of the model that there is; others are refused, as a real service does. */
export const MODEL = "stand-in";

/** Starts the models on a free loopback port. */
export async function startStandIn(): Promise<StandIn> {
  const mock = new LLMock({ host: "127.0.0.1", port: 0, journalMaxEntries: 1 });
  mock.on({ endpoint: "chat" }, async ({ model, messages }: ChatCompletionRequest) => {
    if (model !== MODEL) {
      const message = `The model \`${model}\` does not exist`;
      return { status: 404, error: { message, type: "invalid_request_error", code: "model_not_found" } };
    }
    const [system = "", text = ""] = messages.map(({ content }) => String(content));
    const [first = "", second = "", third = "", ...rest] = keywordsOf(text, 6);
    if (/points/.test(system)) {
      await sleep(150);
      return { content: [first, second, third, ...rest].filter(Boolean).join(", ") };
    }
    if (/formal/.test(system)) {
      await sleep(250);
      return { content: `Regarding ${[first, second].filter(Boolean).join(" and ")}` };
    }
    await sleep(450);
    return { content: `Could you help us with ${[first, second, third].filter(Boolean).join(", ")}?` };
  });
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}
