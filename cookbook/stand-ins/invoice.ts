// Finds the fields by rules. Like a model it makes a mistake at first: it overlooks the minus after an amount, until
// the prompt says that the sums do not add up.
import type { Answer } from "./serve.js";

export const answer: Answer = ({ messages }) => {
  const [first, ...others] = messages;
  const carefully = others.some(({ text }) => text.includes("should be"));
  return { json: readFields((first?.text ?? "").split("\n\n")[1] ?? "", carefully) };
};

/** Finds the fields of an invoice in English or German. @param carefully Looks for a minus behind a number. */
function readFields(text: string, carefully: boolean) {
  const german = /^Rechnung /m.test(text);
  const decimal = (printed = "") => {
    const plain = german ? printed.replaceAll(".", "").replace(",", ".") : printed.replaceAll(",", "");
    const [, digits = "", minus = ""] = /^([\d.]+)(-?)$/.exec(plain) ?? [];
    return `${carefully ? minus : ""}${digits}`;
  };
  const find = (pattern: RegExp) => pattern.exec(text)?.slice(1) ?? [];
  const [number = ""] = find(/^(?:Invoice|Rechnung) (\S+)$/m);
  const [day = ""] = find(/^(?:Date|Datum) (\S+)$/m);
  const [taxRate, tax] = find(/^(?:VAT|MwSt\.) (\S+) % {2}(\S+)$/m);
  const [currency = "", total] = find(/^(?:Total|Gesamt) ([A-Z]{3}) {2}(\S+)$/m);
  const rows = text.split("\n").map((row) => row.split(/ {2,}/));
  return {
    number,
    seller: rows[0]?.[0] ?? "",
    date: german ? day.split(".").reverse().join("-") : day,
    currency,
    lines: rows
      .filter((cells) => cells.length === 4 && /\d/.test(cells[3] ?? ""))
      .map(([description = "", quantity, unitPrice, amount]) => ({
        description,
        quantity: decimal(quantity),
        unitPrice: decimal(unitPrice),
        amount: decimal(amount),
      })),
    net: decimal(find(/^(?:Net|Netto) {2}(\S+)$/m)[0]),
    taxRate: decimal(taxRate),
    tax: decimal(tax),
    total: decimal(total),
  };
}
