import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DeniedError, type Message, type Model } from "../lib/model.js";
import { share, toDecimal, toUnits } from "./amount.js";
import { createInvoiceFlow, type Invoice, problemsOf, type Shared } from "./invoice.js";
import { rowsOf } from "./pdf.js";
import { makeSamples } from "./samples.js";

let folder = "";
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "invoices-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const invoice: Invoice = {
  number: "1",
  seller: "Harbour",
  date: "2025-06-01",
  currency: "GBP",
  lines: [{ description: "Rope", quantity: "1.5", unitPrice: "10.01", amount: "15.02" }],
  net: "15.02",
  taxRate: "20",
  tax: "3.00",
  total: "18.02",
};

/** Runs over files of these names, with what the model reads of each, in order; the last reading is repeated. */
async function sort(readings: Record<string, (Invoice | Error)[]>) {
  for (const file of Object.keys(readings)) writeFileSync(join(folder, file), "");
  const prompts: string[] = [];
  const json = async (_name: string, _schema: unknown, messages: Message[]) => {
    prompts.push(messages.map(({ content }) => content).join("\n"));
    const list = readings[String(messages[0]?.content).split("\n\n")[1] ?? ""] ?? [];
    const reading = list.length > 1 ? list.shift() : list[0];
    if (reading instanceof Error) throw reading;
    return reading;
  };
  const read = async (path: string) => {
    if (path.endsWith("scan.pdf")) throw new Error("No text in it");
    return basename(path);
  };
  const shared: Shared = { folder, accepted: [], forAPerson: [] };
  await createInvoiceFlow({ json } as unknown as Model, read).run(shared);
  return { ...shared, accepted: shared.accepted.map(({ file }) => file), prompts };
}

test("what adds up is accepted, what was sent twice or cannot be read is for a person", async () => {
  const other = { ...invoice, number: "2" };
  const done = await sort({
    "a.pdf": [invoice],
    "b.pdf": [other],
    "c.pdf": [invoice],
    "scan.pdf": [],
    "d.txt": [],
  });
  expect(done.accepted).toEqual(["a.pdf", "b.pdf"]);
  expect(done.forAPerson).toEqual([
    { file: "c.pdf", problems: ["Harbour 1 is a.pdf already"] },
    { file: "scan.pdf", problems: ["No text in it"] },
  ]);
});

test("what does not add up is read once more, with what was wrong, and then left to a person", async () => {
  const wrong = { ...invoice, total: "18.03" };
  const { accepted, forAPerson, prompts } = await sort({ "a.pdf": [wrong, invoice], "b.pdf": [wrong] });
  expect(accepted).toEqual(["a.pdf"]);
  expect(forAPerson).toEqual([{ file: "b.pdf", problems: ["The total is 18.03, and should be 18.02"] }]);
  expect(prompts).toHaveLength(4);
  expect(prompts.filter((prompt) => prompt.includes("should be 18.02"))).toHaveLength(2);
});

test("a failed call is for a person too, and marked; a wrong key ends the run", async () => {
  const { forAPerson } = await sort({ "a.pdf": [new Error("500")], "b.pdf": [invoice] });
  expect(forAPerson).toEqual([{ file: "a.pdf", problems: ["500"], failed: true }]);
  const denied = new DeniedError("401");
  await expect(sort({ "a.pdf": [denied] })).rejects.toBe(denied);
});

test("sums are exact", () => {
  expect(problemsOf(invoice)).toEqual([]);
  expect(problemsOf({ ...invoice, net: "15.00" })).toEqual([
    "The net sum is 15.00, and should be 15.02",
    "The total is 18.02, and should be 18.00",
  ]);
  expect([toUnits("-12.5", 2), toDecimal(-1_250), share(-5, 1, 10)]).toEqual([-1_250, "-12.50", -1]);
  expect(() => toUnits("1.234", 2)).toThrow('Expected a decimal with at most 2 places, got "1.234"');
});

test("the rows of a PDF are read as they are printed; a scan has none", async () => {
  await makeSamples(folder);
  const { signal } = new AbortController();
  const rows = (await rowsOf(join(folder, "02.pdf"), signal)).split("\n");
  expect(rows.slice(0, 4)).toEqual([
    "Takelwerk Nord GmbH",
    "Rechnung RE-2025-102",
    "Datum 11.06.2025",
    "Beschreibung  Menge  Einzelpreis  Betrag",
  ]);
  await expect(rowsOf(join(folder, "11.pdf"), signal)).rejects.toThrow("No text in it: it may be a scan");
});
