// What an invoice is, and what must be true of one.
import { z } from "zod";
import { share, toDecimal, toUnits } from "./amount.js";

/** A decimal in the model's answer, a whole number of units from then on. */
const decimal = (places: number) =>
  z
    .string()
    .regex(new RegExp(`^-?\\d{1,9}(\\.\\d{1,${places}})?$`))
    .transform((text) => toUnits(text, places));

// A pattern, as vendors who hold a model to a schema know few rules for strings, and this is one of them.
const text = z.string().regex(/\S/);

/** What the model is to answer, and what it becomes. */
export const invoiceSchema = z.strictObject({
  number: text,
  seller: text,
  date: z.iso.date(),
  currency: z.string().regex(/^[A-Z]{3}$/),
  lines: z
    .array(
      z.strictObject({
        description: text,
        quantity: decimal(3),
        unitPrice: decimal(2),
        amount: decimal(2),
      }),
    )
    .min(1),
  net: decimal(2),
  /** Per cent. */
  taxRate: decimal(2),
  tax: decimal(2),
  total: decimal(2),
});

/** An invoice: money in cents, quantities in thousandths, the rate in hundredths of a per cent. */
export type Invoice = z.output<typeof invoiceSchema>;

/** Does the sums, and says of each that is wrong what it should be. */
export function problemsOf({ lines, net, taxRate, tax, total }: Invoice): string[] {
  const problems: string[] = [];
  const compare = (what: string, printed: number, computed: number) => {
    if (printed !== computed) {
      problems.push(`${what} is ${toDecimal(printed)}, and should be ${toDecimal(computed)}`);
    }
  };
  for (const { description, quantity, unitPrice, amount } of lines) {
    compare(`The amount of "${description}"`, amount, share(quantity, unitPrice, 1_000));
  }
  const sum = lines.reduce((cents, { amount }) => cents + amount, 0);
  compare("The net sum", net, sum);
  compare("The tax", tax, share(net, taxRate, 10_000));
  compare("The total", total, net + tax);
  return problems;
}
