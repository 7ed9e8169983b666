// The one call to the model: what to do next.
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { InputError } from "./input-error.js";

const decision = z.object({
  thought: z.string().describe("One sentence: why."),
  action: z.enum(["read", "search", "patch", "undo", "give up"]),
  path: z.string().describe("The file to read or patch, as listed; otherwise empty."),
  find: z
    .string()
    .describe("The text to search for, or the one place in the file to replace; otherwise empty."),
  replacement: z.string().describe("What a patch puts in its place; otherwise empty."),
});

/** What the model wants to do next. */
export type Decision = z.infer<typeof decision>;

/** One thing that was done, and what came of it. */
export interface Entry extends Omit<Decision, "action" | "thought"> {
  readonly action: Decision["action"] | "test";
  readonly result: string;
}

/** All that the model knows. */
export interface Known {
  readonly files: readonly string[];
  readonly log: readonly Entry[];
}

const INSTRUCTIONS =
  "You mend a project until its tests pass. You are given its files and the log of what was done, as JSON. Choose " +
  "one step: read a file, search all files for a text (no pattern), patch a file by replacing a text that stands in " +
  "it once, undo the last patch, or give up. The tests run by themselves after each patch. Mend the code, not the tests.";

/** A model of a service that speaks OpenAI's protocol. */
export class Llm {
  readonly #client: OpenAI;
  readonly #model: string;

  constructor(client: OpenAI, model: string) {
    this.#client = client;
    this.#model = model;
  }

  async decide(known: Known, signal: AbortSignal): Promise<Decision> {
    const { choices } = await this.#client.chat.completions.parse(
      {
        model: this.#model,
        messages: [
          { role: "system", content: INSTRUCTIONS },
          { role: "user", content: JSON.stringify(known) },
        ],
        response_format: zodResponseFormat(decision, "decision"),
      },
      { signal },
    );
    const made = choices[0]?.message.parsed;
    if (!made) throw new Error("Expected a decision, got a refusal");
    return made;
  }
}

/** Who answers, how it is called, and what ends it. */
export interface Service {
  readonly llm: Llm;
  readonly about: string;
  readonly close: () => Promise<void>;
}

/**
 * Connects to the service that the environment names, or starts a stand-in where there is no key.
 *
 * @throws InputError
 */
export async function connect(env: NodeJS.ProcessEnv): Promise<Service> {
  const apiKey = env.OPENAI_API_KEY?.trim();
  if (!apiKey) {
    const { startStandIn } = await import("./stand-in.js");
    const { url, close } = await startStandIn();
    const llm = new Llm(new OpenAI({ apiKey: "none", baseURL: url, maxRetries: 0 }), "stand-in");
    const about = `No OPENAI_API_KEY: using a local stand-in at ${url}.\nIt reads what the tests use, and exchanges operators until fewer tests fail.`;
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
