// Runs the program as a user does, and the flow with a model that the test holds.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import OpenAI from "openai";
import { Gate } from "sluice";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { share, toDecimal, toUnits } from "./amount.js";
import { createInvoiceFlow } from "./flow.js";
import { type Invoice, problemsOf } from "./invoice.js";
import { Llm } from "./llm.js";
import { createShared } from "./nodes.js";
import { inventSamples, makePdfs, type Sample } from "./samples.js";
import { readFields } from "./stand-in.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "invoice-test-"));
const samples = inventSamples();
const sound = samples.filter(({ defect }) => defect === undefined);
const folder = join(scratch, "pdfs");
beforeAll(() => makePdfs(samples, folder));
afterAll(() => rmSync(scratch, { recursive: true }));

async function start(...args: string[]) {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, ...env } = process.env;
  const child = spawn(process.execPath, ["--import", tsx, join(import.meta.dirname, "main.ts"), ...args], {
    cwd: scratch,
    env,
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  const [code] = await once(child, "close");
  return { code, text };
}

/** A model that reads the text as the stand-in does, without the way there. */
class Reader extends Llm {
  readonly doubts: number[] = [];
  running = 0;
  peak = 0;

  constructor() {
    const fetch = async (_url: unknown, init?: RequestInit) => {
      this.peak = Math.max(this.peak, ++this.running);
      const { messages } = JSON.parse(String(init?.body)) as { messages: { content: string }[] };
      await new Promise(setImmediate);
      this.running--;
      this.doubts.push(messages.length - 2);
      return Response.json({
        choices: [{ message: { content: this.say(String(messages[1]?.content), messages.length > 2) } }],
      });
    };
    super(new OpenAI({ apiKey: "none", fetch, maxRetries: 0 }), "");
  }

  say(text: string, again: boolean): string {
    return JSON.stringify(readFields(text, again));
  }
}

const run = async (llm: Llm, concurrency = 3) => {
  const shared = createShared(folder);
  await createInvoiceFlow({ llm, gate: new Gate({ concurrency }) }).run(shared);
  return shared;
};

describe("the program", () => {
  test("makes PDFs, reads each of them, and leaves to a person exactly what is wrong", async () => {
    const { code, text } = await start();
    expect(text).toContain("No OPENAI_API_KEY: using a local stand-in");
    expect(text).toContain(`Add up: ${sound.length} `);
    for (const { file, invoice } of sound) {
      const { number, date, total, currency } = invoice;
      expect(text).toMatch(
        new RegExp(`${file}  ${number} +${date} .+ ${toDecimal(total)} ${currency}$`, "m"),
      );
    }
    for (const currency of ["GBP", "EUR"]) {
      const totals = sound
        .filter(({ invoice }) => invoice.currency === currency)
        .map(({ invoice }) => invoice.total);
      expect(text).toContain(`Together ${toDecimal(totals.reduce((a, b) => a + b))} ${currency}`);
    }
    const { net, tax } = (samples[5] as Sample).invoice;
    expect(text.split("For a person to look at: 4\n")[1]?.trimEnd().split("\n")).toEqual([
      `  06.pdf  The total is ${toDecimal(net + tax + 1)}, and should be ${toDecimal(net + tax)}`,
      "  10.pdf  Takelwerk Nord GmbH RE-2025-0008 is 08.pdf already",
      "  14.pdf  No text in it: it may be a scan",
      "  18.pdf  Invalid PDF structure.",
    ]);
    expect(code).toBe(0);
  });

  test("explains wrong input", async () => {
    const [missing, empty] = await Promise.all([start("none"), start(import.meta.dirname)]);
    expect(missing.text).toContain('error: Expected a folder with PDFs, got "none".');
    expect(empty.text).toContain("error: Expected PDFs in");
    expect([missing.code, empty.code]).toEqual([2, 2]);
  });
});

describe("the flow", () => {
  test("gets every field of every sound PDF back as it was printed, under the gate's limit", async () => {
    const llm = new Reader();
    const { accepted } = await run(llm);
    expect(accepted).toEqual(sound.map(({ file, invoice }) => ({ file, invoice })));
    expect(llm.peak).toBe(3);
  });

  test("has what does not add up read once more, told why, and no more than once", async () => {
    const llm = new Reader();
    const { forAPerson } = await run(llm);
    // Those with a discount are mended, the one that is wrong by a cent stays wrong.
    const discounts = samples.filter(({ invoice }) => invoice.lines.some(({ amount }) => amount < 0)).length;
    expect(llm.doubts.filter((count) => count > 0)).toHaveLength(discounts + 1);
    expect(llm.doubts).toHaveLength(22 + discounts + 1); // two have no text
    expect(forAPerson.map(({ file }) => file)).toEqual(["06.pdf", "10.pdf", "14.pdf", "18.pdf"]);
  });

  test("asks again for an answer that is no invoice", async () => {
    let spoilt = 0;
    const answers = ["Here you are:", '{"number":"1"}'];
    const llm = new (class extends Reader {
      override say(text: string, again: boolean) {
        return answers[spoilt++] ?? super.say(text, again);
      }
    })();
    expect((await run(llm)).accepted).toHaveLength(sound.length);
  });

  test("blames no invoice for a key that is wrong", async () => {
    const fetch = async () => Response.json({ error: { message: "no such key" } }, { status: 401 });
    const llm = new Llm(new OpenAI({ apiKey: "none", fetch, maxRetries: 0 }), "");
    await expect(run(llm)).rejects.toThrow("no such key");
  });
});

describe("amounts", () => {
  test("are exact where floats are not, and halves are rounded away from zero", () => {
    expect(toUnits("0.1", 2) + toUnits("0.2", 2)).toBe(toUnits("0.30", 2));
    expect(share(toUnits("1.5", 3), toUnits("0.15", 2), 1_000)).toBe(23); // 0.225
    expect(share(-1_500, 15, 1_000)).toBe(-23);
    expect(share(2 ** 40 + 1, 8_000, 1_000)).toBe((2 ** 40 + 1) * 8);
    for (const wrong of ["1,5", "1.234", "", "1e3", "."])
      expect(() => toUnits(wrong, 2)).toThrow(`"${wrong}"`);
    for (const text of ["0.05", "-0.05", "-12.00", "123456789.99"])
      expect(toDecimal(toUnits(text, 2))).toBe(text);
  });

  test("each sum that is wrong is named with what it should be", () => {
    const { invoice } = sound[0] as Sample;
    const [first, ...others] = invoice.lines as [Invoice["lines"][number], ...Invoice["lines"]];
    const amount = first.amount + 1;
    expect(problemsOf(invoice)).toEqual([]);
    expect(problemsOf({ ...invoice, tax: invoice.tax - 1, total: invoice.total - 1 })).toEqual([
      `The tax is ${toDecimal(invoice.tax - 1)}, and should be ${toDecimal(invoice.tax)}`,
    ]);
    expect(problemsOf({ ...invoice, lines: [{ ...first, amount }, ...others] })).toEqual([
      `The amount of "${first.description}" is ${toDecimal(amount)}, and should be ${toDecimal(first.amount)}`,
      `The net sum is ${toDecimal(invoice.net)}, and should be ${toDecimal(invoice.net + 1)}`,
    ]);
  });
});
