// The call to the model: one thought, which brings the plan along and takes it on.
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { InputError } from "./input-error.js";
import type { Mind } from "./nodes.js";
import { puzzleText } from "./puzzle.js";

const step = z.object({
  step: z.string().min(1),
  status: z.enum(["open", "done", "dropped"]),
  /** What came of it, or why it was dropped. */
  result: z.string(),
});
const thought = z.object({
  thinking: z.string().min(1),
  plan: z.array(step).min(1).max(20),
  answer: z.array(z.string()).nullable(),
});

/** A step of the plan. */
export type Step = z.infer<typeof step>;
/** One thought: what was thought, the plan as it is now, and the answer if it is found. */
export type Thought = z.infer<typeof thought>;

const INSTRUCTIONS = `You solve a puzzle one thought at a time. Without a plan, make one of a few steps. With a plan, do
its first open step, write down the result, and mark it done. Keep steps that are done as they are. Where a result
changes what is to be done, revise the plan: add steps, or mark them dropped and say why. When you know the answer,
give its moves, each "fill A", "empty A" or "pour A B"; give no moves if it cannot be done. Until then answer null.`;

/** A model of a service that speaks OpenAI's protocol. */
export class Llm {
  readonly #client: OpenAI;
  readonly #model: string;

  constructor(client: OpenAI, model: string) {
    this.#client = client;
    this.#model = model;
  }

  /** @throws An error if the answer does not fit the schema, which the node's `attempts` are for. */
  async think({ puzzle, plan, objection }: Mind, signal: AbortSignal): Promise<Thought> {
    const prompt = [
      puzzleText(puzzle),
      plan.length > 0 && `Plan:\n${plan.map((each) => JSON.stringify(each)).join("\n")}`,
      objection !== undefined && `Your last answer was wrong. ${objection}`,
    ];
    const { choices } = await this.#client.chat.completions.parse(
      {
        model: this.#model,
        messages: [
          { role: "system", content: INSTRUCTIONS },
          { role: "user", content: prompt.filter(Boolean).join("\n\n") },
        ],
        response_format: zodResponseFormat(thought, "thought"),
      },
      { signal },
    );
    const answer = choices[0]?.message.parsed;
    if (!answer) throw new Error(`The model answered nothing (finish_reason: ${choices[0]?.finish_reason})`);
    return answer;
  }
}

/** Who answers, how it is called, and what ends it. */
export interface Service {
  readonly llm: Llm;
  readonly about: string;
  readonly close: () => Promise<void>;
}

/** Connects to the service that the environment names, or starts a stand-in where there is no key. @throws InputError */
export async function connect(env: NodeJS.ProcessEnv): Promise<Service> {
  const apiKey = env.OPENAI_API_KEY?.trim();
  if (!apiKey) {
    const { startStandIn } = await import("./stand-in.js");
    const { url, close } = await startStandIn();
    const llm = new Llm(new OpenAI({ apiKey: "none", baseURL: url, maxRetries: 0 }), "stand-in");
    const about = `No OPENAI_API_KEY: using a local stand-in at ${url},\nwhich knows two ways with jugs, and searches where neither helps.`;
    return { llm, close, about };
  }
  const baseURL = env.OPENAI_BASE_URL?.trim() || "https://api.openai.com/v1";
  if (!URL.canParse(baseURL) || !/^https?:/.test(baseURL)) {
    throw new InputError(
      `Expected OPENAI_BASE_URL to be a URL such as https://api.openai.com/v1, got "${baseURL}". Correct it, or unset it to call OpenAI.`,
    );
  }
  const model = env.OPENAI_MODEL?.trim() || "gpt-4.1-mini";
  const llm = new Llm(new OpenAI({ apiKey, baseURL, maxRetries: 0 }), model);
  return { llm, close: async () => {}, about: `Using ${model} at ${baseURL}.` };
}
