// A model on this machine, for those who have no key: aimock speaks OpenAI's protocol. All that it knows is
// emojilib, a dictionary of about 1,900 things and the words that people search them by.
import { createRequire } from "node:module";
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
    return { content: /^Word:/.test(prompt) ? hintFor(prompt) : guessFrom(prompt) };
  });
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}

/** What each thing has to do with. */
const things = new Map<string, Set<string>>();
/** How many things a keyword is said of: the fewer, the more it tells. */
const frequency = new Map<string, number>();
const emojilib: Record<string, string[]> = createRequire(import.meta.url)("emojilib");
for (const [name = "", ...keywords] of Object.values(emojilib)) {
  if (!/^[a-z]+$/.test(name) || things.has(name)) continue;
  things.set(name, new Set(keywords.filter((keyword) => /^[a-z ]{3,}$/.test(keyword) && keyword !== name)));
}
for (const keyword of [...things.values()].flatMap((keywords) => [...keywords])) {
  frequency.set(keyword, (frequency.get(keyword) ?? 0) + 1);
}
const toldBy = (keyword: string) => 1 / (frequency.get(keyword) ?? Number.POSITIVE_INFINITY);

/** Says one thing more about the word, the vaguest first; of a word that it does not know, how it is spelt. */
function hintFor(prompt: string): string {
  const word = /^Word: (.+)$/m.exec(prompt)?.[1] ?? "";
  const hints = listed(prompt, "Hints").join(" ");
  const forbidden = [word, ...listed(prompt, "Taboo")];
  const [keyword] = [...(things.get(word.toLowerCase()) ?? [])]
    .filter((each) => !forbidden.some((taboo) => each.includes(taboo.toLowerCase())))
    .filter((each) => !hints.includes(`“${each}”`))
    .sort((a, b) => toldBy(a) - toldBy(b));
  if (keyword !== undefined) return `It has to do with “${keyword}”.`;
  const letters = [...word.toLowerCase()];
  const told = listed(prompt, "Hints").filter((hint) => hint.startsWith("Letter")).length;
  return `Letter ${(told % letters.length) + 1} of its ${letters.length} is ${letters[told % letters.length]}.`;
}

/** The thing that fits most hints, and those best that tell most. */
function guessFrom(prompt: string): string {
  const hints = listed(prompt, "Hints");
  const wrong = new Set(listed(prompt, "Wrong guesses"));
  const scoreOf = ([name, keywords]: [string, Set<string>]) =>
    hints.reduce((sum, hint) => {
      const [, keyword] = /“(.+)”/.exec(hint) ?? [];
      const [, at, length, letter] = /^Letter (\d+) of its (\d+) is (.)/u.exec(hint) ?? [];
      const fits = keyword
        ? keywords.has(keyword)
        : name[Number(at) - 1] === letter && name.length === Number(length);
      return sum + (fits ? 1 + toldBy(keyword ?? "") : 0);
    }, 0);
  const best = [...things]
    .filter(([name]) => !wrong.has(name))
    .map((thing) => ({ name: thing[0], score: scoreOf(thing) }))
    .reduce((best, each) => (each.score > best.score ? each : best));
  return best.name;
}

/** The lines of a list in the prompt. */
function listed(prompt: string, title: string): string[] {
  const [, lines = ""] = new RegExp(`^${title}:\n((?:- .+\n)*)`, "m").exec(prompt) ?? [];
  return lines.split("\n").flatMap((line) => (line === "" ? [] : [line.slice(2)]));
}
