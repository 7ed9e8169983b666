// Sample invoices: PDFs of two sellers with different number formats, some of them wrong.
import { createWriteStream, writeFileSync } from "node:fs";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import PDFDocument from "pdfkit";
import { share, toDecimal } from "./amount.js";

const GOODS = ["Rope, 10 m", "Shackle", "Canvas, per m", "Hook", "Paint 0.5 l", "Work, hours"];
const ENGLISH = {
  seller: "Harbour Supplies Ltd",
  prefix: "INV",
  currency: "GBP",
  rate: 2_000,
  words: ["Invoice", "Date", "Description", "Quantity", "Unit price", "Amount", "Net", "VAT", "Total"],
  date: (day: number) => `2025-06-${day}`,
  number: (text: string) => text.replace(/\B(?=(\d{3})+\.)/g, ","),
};
const GERMAN: typeof ENGLISH = {
  seller: "Takelwerk Nord GmbH",
  prefix: "RE",
  currency: "EUR",
  rate: 1_900,
  words: ["Rechnung", "Datum", "Beschreibung", "Menge", "Einzelpreis", "Betrag", "Netto", "MwSt.", "Gesamt"],
  date: (day) => `${day}.06.2025`,
  number: (text) => ENGLISH.number(text).replaceAll(/[.,]/g, (sign) => (sign === "." ? "," : ".")),
};

/** Writes twelve PDFs: one is wrong by a cent, one a duplicate, one a scan, one cut off. Returns the folder. */
export async function makeSamples(folder: string): Promise<string> {
  for (let at = 0; at < 12; at++) {
    const path = join(folder, `${String(at + 1).padStart(2, "0")}.pdf`);
    if (at === 8) writeFileSync(path, "%PDF-1.3\n1 0 obj\n<< /Type /Cat");
    else await makePdf(path, at === 5 ? 1 : at, at);
  }
  return folder;
}

async function makePdf(path: string, at: number, place: number): Promise<void> {
  const { seller, prefix, currency, rate, words, date, number } = at % 2 === 0 ? ENGLISH : GERMAN;
  // As accounting programs do it, the minus comes last.
  const decimal = (units: number, places = 2) =>
    number(toDecimal(Math.abs(units), places)) + (units < 0 ? "-" : "");
  const lines = GOODS.slice(at % 3, 3 + (at % 3)).map((name, line) => {
    const [quantity, price] = [
      1_250 + 250 * ((at * 7 + line) % 20),
      95 + ((at * 7_919 + line * 104_729) % 90_000),
    ];
    return { name, quantity, price, amount: share(quantity, price, 1_000) };
  });
  if (at % 4 === 0) lines.push({ name: "Discount", quantity: 1_000, price: -500 - at, amount: -500 - at });
  const net = lines.reduce((sum, { amount }) => sum + amount, 0);
  const tax = share(net, rate, 10_000);
  const document = new PDFDocument({ size: "A4", margin: 50 });
  const file = document.pipe(createWriteStream(path));
  let y = 60;
  const row = (...cells: (string | undefined)[]) => {
    for (const [column, cell = ""] of cells.entries()) {
      const place = { width: column === 0 ? 175 : 95, align: column === 0 ? "left" : "right" } as const;
      document.text(cell, [50, 230, 330, 430][column], y, place);
    }
    y += 18;
  };
  if (place === 10)
    document.rect(50, 50, 300, 200).fill("#ddd"); // a scan: a picture, and no text
  else {
    row(seller);
    row(`${words[0]} ${prefix}-2025-${at + 101}`);
    row(`${words[1]} ${date(at + 10)}`);
    row(...words.slice(2, 6));
    for (const { name, quantity, price, amount } of lines)
      row(name, decimal(quantity, 3), decimal(price), decimal(amount));
    row(words[6], "", "", decimal(net));
    row(`${words[7]} ${decimal(rate)} %`, "", "", decimal(tax));
    row(`${words[8]} ${currency}`, "", "", decimal(net + tax + (place === 3 ? 1 : 0)));
  }
  document.end();
  await finished(file);
}
