// Invoices to try it with: PDFs of two sellers who write numbers each in their own way, and some that are wrong.
import { createWriteStream } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import PDFDocument from "pdfkit";
import { share, toDecimal } from "./amount.js";
import type { Invoice } from "./invoice.js";

/** A sample, and what ought to become of it. */
export interface Sample {
  readonly file: string;
  readonly invoice: Invoice;
  /** What is wrong with it, if anything is. */
  readonly defect?: "wrong by a cent" | "sent twice" | "a scan" | "cut off";
}

const GOODS = ["Rope, 10 m", "Shackle", "Canvas, per m", "Hook", "Paint 0.5 l", "Work, hours"];

/** Invents invoices, the same ones each time. */
export function inventSamples(count = 24): Sample[] {
  let seed = 11;
  const below = (end: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * end);
  };
  const defects: Record<number, Sample["defect"]> = {
    5: "wrong by a cent",
    9: "sent twice",
    13: "a scan",
    17: "cut off",
  };
  const samples: Sample[] = [];
  for (let at = 0; at < count; at++) {
    const german = at % 2 === 1;
    const lines = GOODS.slice(below(3), 4 + below(3)).map((description) => {
      const quantity =
        description.includes("per m") || description.includes("hours")
          ? 250 * (1 + below(40))
          : 1_000 * (1 + below(9));
      const unitPrice = 95 + below(90_000);
      return { description, quantity, unitPrice, amount: share(quantity, unitPrice, 1_000) };
    });
    if (at % 4 === 0) {
      const off = -500 - below(900);
      lines.push({ description: "Discount", quantity: 1_000, unitPrice: off, amount: off });
    }
    const net = lines.reduce((sum, { amount }) => sum + amount, 0);
    const taxRate = german ? 1_900 : 2_100;
    const tax = share(net, taxRate, 10_000);
    const defect = defects[at];
    const total = net + tax + (defect === "wrong by a cent" ? 1 : 0);
    const number = `${german ? "RE" : "INV"}-2025-${String(defect === "sent twice" ? at - 1 : at + 1).padStart(4, "0")}`;
    const seller = german ? "Takelwerk Nord GmbH" : "Harbour Supplies Ltd";
    const date = new Date(Date.UTC(2025, 0, 1 + 11 * at)).toISOString().slice(0, 10);
    const invoice = {
      number,
      seller,
      date,
      currency: german ? "EUR" : "GBP",
      lines,
      net,
      taxRate,
      tax,
      total,
    };
    const file = `${String(at + 1).padStart(2, "0")}.pdf`;
    samples.push(defect ? { file, invoice, defect } : { file, invoice });
  }
  return samples;
}

/** Writes the samples as PDFs into a folder. */
export async function makePdfs(samples: readonly Sample[], folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const { file, invoice, defect } of samples) {
    const path = join(folder, file);
    if (defect === "cut off") await writeFile(path, "%PDF-1.3\n1 0 obj\n<< /Type /Cat");
    else await makePdf(path, invoice, defect === "a scan");
  }
}

const WORDS = {
  GBP: ["Invoice", "Date", "Description", "Quantity", "Unit price", "Amount", "Net", "VAT", "Total"],
  EUR: ["Rechnung", "Datum", "Beschreibung", "Menge", "Einzelpreis", "Betrag", "Netto", "MwSt.", "Gesamt"],
};

async function makePdf(path: string, invoice: Invoice, scanned: boolean): Promise<void> {
  const { number, seller, date, currency, lines, net, taxRate, tax, total } = invoice;
  const german = currency === "EUR";
  const words = german ? WORDS.EUR : WORDS.GBP;
  const decimal = (units: number, places = 2) => {
    const [whole = "", fraction = ""] = toDecimal(Math.abs(units), places).split(".");
    const grouped = whole.replaceAll(/\B(?=(\d{3})+$)/g, german ? "." : ",");
    // As accountants' programs do it, the minus comes last.
    return `${grouped}${german ? "," : "."}${fraction}${units < 0 ? "-" : ""}`;
  };
  const document = new PDFDocument({ size: "A4", margin: 50, info: { Title: number } });
  const file = createWriteStream(path);
  document.pipe(file);
  if (scanned) {
    document.rect(50, 50, 300, 200).fill("#ddd"); // a picture of an invoice has no text either
  } else {
    let y = 60;
    const row = (...cells: (string | undefined)[]) => {
      const columns = [50, 230, 330, 430];
      for (const [at, cell = ""] of cells.entries()) {
        document.text(cell, columns[at], y, {
          width: at === 0 ? 175 : 95,
          align: at === 0 ? "left" : "right",
        });
      }
      y += 18;
    };
    document.fontSize(16);
    row(seller);
    document.fontSize(10);
    y += 12;
    row(`${words[0]} ${number}`);
    row(`${words[1]} ${german ? date.split("-").reverse().join(".") : date}`);
    y += 12;
    row(...words.slice(2, 6));
    for (const { description, quantity, unitPrice, amount } of lines) {
      row(description, decimal(quantity, 3), decimal(unitPrice), decimal(amount));
    }
    y += 12;
    row(words[6], "", "", decimal(net));
    row(`${words[7]} ${decimal(taxRate)} %`, "", "", decimal(tax));
    row(`${words[8]} ${currency}`, "", "", decimal(total));
  }
  document.end();
  await finished(file);
}
