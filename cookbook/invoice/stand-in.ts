// A model on this machine, for those who have no key: aimock speaks OpenAI's protocol, and the fields are found in
// the text by rules. Like a model it overlooks something at first, the minus behind an amount, and looks again
// when it is told that the sums are wrong.
import { setTimeout as sleep } from "node:timers/promises";
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";

/** Starts a stand-in on a free loopback port. */
export async function startStandIn(): Promise<{ url: string; close: () => Promise<void> }> {
  const mock = new LLMock({ host: "127.0.0.1", port: 0, journalMaxEntries: 1 });
  mock.on({ endpoint: "chat" }, async ({ messages }: ChatCompletionRequest) => {
    const [text = "", doubts] = messages
      .filter(({ role }) => role === "user")
      .map(({ content }) => String(content));
    await sleep(100, undefined, { ref: false }); // a model takes its time, so that working in parallel shows
    return { content: JSON.stringify(readFields(text, doubts !== undefined)) };
  });
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}

/** Finds the fields of an invoice in English or German. @param carefully Looks for a minus behind a number. */
export function readFields(text: string, carefully: boolean) {
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
