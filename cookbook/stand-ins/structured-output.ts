// Reads orders by rules: at first as in the mail, with wrong sums and numbers in words. After a rejected answer it
// calculates.
import type { Answer } from "./serve.js";

const NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
const LINE = new RegExp(
  `(\\d+|a dozen|${NUMBERS.join("|")}) ([a-z][a-z -]*?) at ([\\d,.]*\\d)(?: each)?`,
  "gi",
);

export const answer: Answer = ({ messages }) => {
  const mail = messages[0]?.text ?? "";
  const isCorrection = messages.length > 1;
  const lines = Array.from(mail.matchAll(LINE), ([, quantity = "", articles = "", price = ""]) => ({
    article: articles.replace(/(?<=ss)es$|(?<!s)s$/, ""),
    quantity: isCorrection ? numberIn(quantity) : asWritten(quantity),
    price: numberIn(price),
  }));
  const sum = lines.reduce((all, { quantity, price }) => all + Number(quantity) * price, 0);
  const stated = /([\d,.]*\d) in total/i.exec(mail)?.[1];
  const total = isCorrection || stated === undefined ? Math.round(sum * 100) / 100 : numberIn(stated);
  const customer = /regards,\s*[^,\n]+,\s*([^\n]+)/i.exec(mail)?.[1] ?? "unknown";
  return { json: { customer, lines, total } };
};

const asWritten = (text: string): number | string => (/^\d+$/.test(text) ? Number(text) : text);

function numberIn(text: string): number {
  if (text.toLowerCase() === "a dozen") return 12;
  const word = NUMBERS.indexOf(text.toLowerCase());
  return word >= 0 ? word : Number(text.replaceAll(",", ""));
}
