// A model on this machine, for those who have no key: aimock speaks OpenAI's protocol, and what it answers is
// read out of the mail by rules. As models do it first copies what the mail says, numbers in words and wrong
// sums included; of what it is told that it was refused for, it mends that and nothing else.
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";
import { REFUSED } from "./llm.js";

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
    const [, mail = "", ...replies] = messages.map(({ content }) => String(content));
    const complaints = replies.filter((text) => text.startsWith(REFUSED)).join("\n");
    return { content: JSON.stringify(extractOrder(mail, complaints)) };
  });
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}

const NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
const LINE = new RegExp(
  `(\\d+|a dozen|${NUMBERS.join("|")}) ([a-z][a-z -]*?) at ([\\d,.]*\\d)(?: each)?`,
  "gi",
);
const TOTAL = /([\d,.]*\d) in total/i;
const SIGNATURE = /regards,\s*[^,\n]+,\s*([^\n]+)/i;

/** Reads an order; the fields that the complaints name are mended, all others are copied as they are written. */
export function extractOrder(mail: string, complaints: string) {
  const isRefused = (path: string) => complaints.includes(`- ${path}: `);
  const lines = Array.from(mail.matchAll(LINE), ([, quantity = "", articles = "", price = ""], at) => ({
    article: articles.replace(/(?<=ss)es$|(?<!s)s$/, ""),
    quantity: isRefused(`lines.${at}.quantity`) ? numberIn(quantity) : asWritten(quantity),
    price: isRefused(`lines.${at}.price`) ? numberIn(price) : asWritten(price),
  }));
  const sum = lines.reduce((all, { quantity, price }) => all + Number(quantity) * Number(price), 0);
  const stated = TOTAL.exec(mail)?.[1];
  // Where a line is still in words there is no sum: NaN, which JSON writes as null.
  const total = stated === undefined || isRefused("total") ? Math.round(sum * 100) / 100 : asWritten(stated);
  return { customer: SIGNATURE.exec(mail)?.[1] ?? "", lines, total };
}

/** A number where it is one in JSON, or else the text. */
const asWritten = (text: string): number | string => (/^\d+(\.\d+)?$/.test(text) ? Number(text) : text);

/** The number that a text means. */
function numberIn(text: string): number {
  if (text.toLowerCase() === "a dozen") return 12;
  const word = NUMBERS.indexOf(text.toLowerCase());
  return word >= 0 ? word : Number(text.replaceAll(",", ""));
}
