// What an order is. The schema is written once: it is the prompt, the type and the check.
import { z } from "zod";

const line = z.strictObject({
  article: z.string().min(1).describe("in the singular, without the quantity"),
  quantity: z.int().positive(),
  price: z.number().positive().describe("of one piece"),
});

/** An order, as this program wants it. What a JSON Schema cannot say is said by the refinement. */
export const orderSchema = z
  .strictObject({
    customer: z.string().min(1).describe("the company"),
    lines: z.array(line).min(1),
    total: z.number().positive(),
  })
  .superRefine(({ lines, total }, context) => {
    const sum = lines.reduce((all, { quantity, price }) => all + quantity * price, 0);
    if (Math.abs(sum - total) < 0.005) return;
    const message = `Expected the sum of quantity × price over all lines, which is not ${total}`;
    context.addIssue({ code: "custom", path: ["total"], message });
  });

/** An order that has passed the check. */
export type Order = z.infer<typeof orderSchema>;

/** The schema for the model. */
export const orderJsonSchema = JSON.stringify(z.toJSONSchema(orderSchema));

/** Reads an answer; what is wrong with it is said in words that a model can act on. */
export function checkOrder(answer: string): { readonly order: Order } | { readonly problems: string[] } {
  let value: unknown;
  try {
    value = JSON.parse(answer);
  } catch (error) {
    return { problems: [`Expected JSON and nothing else: ${(error as Error).message}`] };
  }
  const { data, error } = orderSchema.safeParse(value);
  if (data !== undefined) return { order: data };
  return {
    problems: error.issues.map(({ path, message }) => `${path.join(".") || "the object"}: ${message}`),
  };
}
