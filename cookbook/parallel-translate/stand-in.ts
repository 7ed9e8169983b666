// A model on this machine, for those who have no key: aimock speaks OpenAI's protocol. It knows some thirty words of
// each language and puts them in for the English ones, so that one can see what was translated, and into what.
import { setTimeout as sleep } from "node:timers/promises";
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";

const english =
  "the and or of in to with for from by not no one two all each many more you your what how who when only can is are it this time word";

const known: Readonly<Record<string, string>> = {
  German:
    "die und oder von in zu mit für aus durch nicht kein ein zwei alle jede viele mehr du dein was wie wer wenn nur kann ist sind es dies Zeit Wort",
  French:
    "le et ou de dans à avec pour depuis par pas aucun un deux tous chaque beaucoup plus vous votre que comment qui quand seulement peut est sont il ce temps mot",
  Spanish:
    "el y o de en a con para desde por no ningún uno dos todos cada muchos más tú tu qué cómo quién cuando solo puede es son lo este tiempo palabra",
  Italian:
    "il e o di in a con per da tramite non nessuno uno due tutti ogni molti più tu tuo cosa come chi quando solo può è sono esso questo tempo parola",
  Portuguese:
    "o e ou de em a com para desde por não nenhum um dois todos cada muitos mais você seu que como quem quando só pode é são ele este tempo palavra",
  Dutch:
    "de en of van in naar met voor uit door niet geen een twee alle elke veel meer jij jouw wat hoe wie wanneer alleen kan is zijn het dit tijd woord",
  Swedish:
    "den och eller av i till med för från genom inte ingen en två alla varje många mer du din vad hur vem när bara kan är är det detta tid ord",
  Polish:
    "ten i lub z w do razem dla od przez nie żaden jeden dwa wszystkie każdy wiele więcej ty twój co jak kto kiedy tylko może jest są to ten czas słowo",
};

/** The languages of which it knows some words. */
export const languages = Object.keys(known);

/** Puts in the words that are known, and leaves code, addresses and all else alone. */
export function translateWords(text: string, language: string): string {
  const into = known[language]?.split(" ") ?? [];
  const words = new Map(english.split(" ").map((word, at) => [word, into[at] ?? word]));
  return text
    .split(/(^ {0,3}```[\s\S]*?^ {0,3}```|`[^`\n]*`|\]\([^)]*\)|<[^>\n]*>)/m)
    .map((piece, at) => {
      if (at % 2 === 1) return piece;
      return piece.replace(/\p{L}+/gu, (word) => {
        const found = words.get(word.toLowerCase());
        if (found === undefined) return word;
        return /^\p{Lu}/u.test(word) ? found.charAt(0).toUpperCase() + found.slice(1) : found;
      });
    })
    .join("");
}

/** A model that runs until it is closed. */
export interface StandIn {
  /** For an SDK's `baseURL`. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** Starts a stand-in on a free loopback port. Like a model, it takes its time: the longer the text, the more. */
export async function startStandIn(): Promise<StandIn> {
  const mock = new LLMock({ host: "127.0.0.1", port: 0, journalMaxEntries: 1 });
  mock.on({ endpoint: "chat" }, async ({ messages }: ChatCompletionRequest) => {
    const [instructions = "", text = ""] = messages.map(({ content }) => String(content));
    const language = /into (.+?)\./.exec(instructions)?.[1] ?? "";
    if (!languages.includes(language)) {
      const message = `The stand-in knows no ${language}, only ${languages.join(", ")}; a real model needs OPENAI_API_KEY`;
      return { status: 400, error: { message, type: "invalid_request_error", code: "unknown_language" } };
    }
    await sleep(60 + text.length / 25, undefined, { ref: false });
    return { content: translateWords(text, language) };
  });
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}
