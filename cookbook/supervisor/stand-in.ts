// A model on this machine, for those who have no key: aimock speaks OpenAI's protocol, and rules over words decide.
// As the worker it is hasty on purpose: it looks up only what an objection names, and guesses what it does not know.
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";
import type { Desk, Plan, Review } from "./llm.js";

/** Starts a stand-in on a free loopback port. */
export async function startStandIn(): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const mock = new LLMock({ host: "127.0.0.1", port: 0, journalMaxEntries: 1 });
  mock.on({ endpoint: "chat" }, ({ messages, response_format }: ChatCompletionRequest) => {
    const asked = response_format?.json_schema as { name: "plan" | "reply" | "verdict" } | undefined;
    const about = JSON.parse(String(messages.at(-1)?.content));
    const rules = { plan: () => plan(about), reply: () => write(about), verdict: () => supervise(about) };
    return { content: JSON.stringify(rules[asked?.name ?? "reply"]()) };
  });
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}

function plan({ unread, objections }: Desk): Plan {
  const record = unread.find((name) => objections.some((objection) => objection.includes(name)));
  return record === undefined ? { action: "write", record: "" } : { action: "look up", record };
}

/** Tells all that was read; with nothing read, something that sounds well. */
function write({ letter, read }: Desk): { reply: string } {
  const name = /^(?:yours|regards|greetings)[^,]*,\s*(.+)$/im.exec(letter)?.[1] ?? "customer";
  const known = Object.values(read);
  const said =
    known.length > 0 ? known.join(" ") : `It will surely be with you within ${letter.length} hours.`;
  return { reply: `Dear ${name},\nthank you for your letter. ${said}\nYour lamp shop` };
}

/** Objects to each question of which the reply has not a single long word. */
function supervise({ letter, records, draft }: Review): { objections: string[] } {
  const open = questionsOf(letter).filter((question) => common(question, draft) === 0);
  return {
    objections: open.map((question) => {
      const ranked = Object.entries(records).map(([name, text]) => ({
        name,
        score: common(question, `${name} ${text}`),
      }));
      const [best] = ranked.sort((a, b) => b.score - a.score);
      const hint =
        best !== undefined && best.score > 0 ? `Look up: ${best.name}.` : "Say that we do not know.";
      return `It does not answer “${question}” ${hint}`;
    }),
  };
}

const questionsOf = (letter: string) =>
  letter
    .split(/(?<=[.?!])\s+/)
    .filter((sentence) => sentence.endsWith("?"))
    .map((sentence) => sentence.replaceAll(/\s+/g, " "));

const COMMON = new Set(
  "about from have lost that there they this were what when where which will with your".split(" "),
);

/** How many words of four letters or more two texts have in common. */
function common(a: string, b: string): number {
  const [these, those] = [a, b].map((text) => new Set(text.toLowerCase().match(/\p{L}{4,}/gu)));
  return [...(these ?? [])].filter((word) => those?.has(word) && !COMMON.has(word)).length;
}
