// A model on this machine, for those who have no key: aimock speaks OpenAI's protocol, and what it answers is
// found in the résumé by rules: the first line as a name, years in words and figures, skills by their words.
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";

/** A model that runs until it is closed. */
export interface StandIn {
  /** For an SDK's `baseURL`. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Starts the model on a free loopback port. */
export async function startStandIn(): Promise<StandIn> {
  const mock = new LLMock({ host: "127.0.0.1", port: 0, journalMaxEntries: 1 });
  mock.on({ endpoint: "chat" }, ({ messages }: ChatCompletionRequest) => {
    const [instructions = "", resume = ""] = messages.map(({ content }) => String(content));
    const skills: string[] = JSON.parse(/^Skills: (.*)$/m.exec(instructions)?.[1] ?? "[]");
    return { content: JSON.stringify(findFacts(resume, skills)) };
  });
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}

const NUMBERS = "one two three four five six seven eight nine ten eleven twelve".split(" ");
const YEARS = new RegExp(`(\\d+|${NUMBERS.join("|")}) years|(\\d{4})\\s?[–-]\\s?(\\d{4})`, "gi");
const NAME = /^\p{Lu}[\p{L}.'-]*( \p{Lu}[\p{L}.'-]*)+$/u;

function findFacts(resume: string, skills: readonly string[]) {
  const name = resume.trim().split("\n")[0]?.trim() ?? "";
  const years = Array.from(resume.matchAll(YEARS), ([, count, from, to]) => {
    if (count === undefined) return Number(to) - Number(from);
    const word = NUMBERS.indexOf(count.toLowerCase());
    return word >= 0 ? word + 1 : Number(count);
  });
  const sentences = resume.split(/(?<=[.;:!?])\s+|\n\n/);
  return {
    name: NAME.test(name) ? name : "",
    years: years.reduce((sum, count) => sum + count, 0),
    skills: skills.flatMap((skill) => {
      const quote = sentences.find((sentence) => sentence.toLowerCase().includes(skill.toLowerCase()));
      return quote === undefined ? [] : [{ skill, quote }];
    }),
  };
}
