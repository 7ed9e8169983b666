// A model on this machine, for those who have no key: aimock speaks OpenAI's protocol. It tells what a fact
// speaks for by a few words, and how much it weighs by its figures; speakers and judge do so alike.
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";

/** A model that runs until it is closed. */
export interface StandIn {
  /** For an SDK's `baseURL`. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Starts a stand-in on a free loopback port. */
export async function startStandIn(): Promise<StandIn> {
  const mock = new LLMock({ host: "127.0.0.1", port: 0, journalMaxEntries: 1 });
  mock.on({ endpoint: "chat" }, ({ messages }: ChatCompletionRequest) => {
    const prompt = String(messages.at(-1)?.content);
    const answer = /^Your side: /m.test(prompt) ? speechOf(prompt) : scoresOf(prompt);
    return { content: JSON.stringify(answer) };
  });
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}

const GOOD =
  /\b(more|faster|sav(ed?|es|ings?)|help(s|ed)?|gain(s|ed)?|better|safer|cleaner|cheaper|fewer|easier)\b/gi;
const BAD =
  /\b(lo(se|ses|st)|overcrowded|costs?|worse|only|short of|delays?|left|longer|slower|dearer|risks?)\b/gi;

/** How much a fact speaks for the motion; against it where it is negative. */
function weigh(fact: string): number {
  const leaning = count(fact, GOOD) - count(fact, BAD);
  return leaning * (1 + 0.5 * count(fact, /\d[\d.,]*/g));
}

const count = (text: string, pattern: RegExp) => (text.match(pattern) ?? []).length;

/** Takes the unused fact that weighs most for its side, and holds the figures against the other's last one. */
function speechOf(prompt: string) {
  const sign = prompt.includes("\nYour side: for\n") ? 1 : -1;
  const used = new Set(cited(prompt, "You"));
  const facts = factsIn(prompt);
  const unused = [...facts].filter(([number]) => !used.has(number));
  const [fact, text] = unused.reduce((best, each) =>
    sign * weigh(each[1]) > sign * weigh(best[1]) ? each : best,
  );
  const heard = cited(prompt, "Other").at(-1);
  const isHeavier = (number: number) => -sign * weigh(facts.get(number) ?? "") > sign * weigh(text);
  const answer =
    heard === undefined ? "" : ` Fact ${heard} ${isHeavier(heard) ? "is true, but not all" : "weighs less"}.`;
  return { fact, text: text + answer };
}

/** Adds up what the facts weigh that each side has used, and brings it to 10 points at most. */
function scoresOf(prompt: string) {
  const facts = factsIn(prompt);
  const sum = (who: string, sign: number) =>
    cited(prompt, who).reduce(
      (total, number) => total + Math.max(0, sign * weigh(facts.get(number) ?? "")),
      0,
    );
  const both = { for: sum("For", 1), against: sum("Against", -1) };
  const heavier = both.for > both.against ? "for" : "against";
  const most = both.for === both.against ? "Both sides weigh the same" : `The facts ${heavier} it weigh more`;
  return {
    for: Math.min(10, both.for),
    against: Math.min(10, both.against),
    reason: `${most}: ${both.for} and ${both.against}.`,
  };
}

const factsIn = (prompt: string) =>
  new Map(
    [...prompt.matchAll(/^(\d+)\. (.+)$/gm)].map(([, number, text = ""]) => [Number(number), text] as const),
  );

const cited = (prompt: string, who: string) =>
  [...prompt.matchAll(new RegExp(`^${who} \\(fact (\\d+)\\):`, "gm"))].map(([, number]) => Number(number));
