import { isFailure } from "sluice";
import { expect, test } from "vitest";
import { FinalError, type Model } from "../lib/model.js";
import { createOrderFlow, Order, type Shared } from "./structured-output.js";

const order: Order = {
  customer: "Harbour Works",
  lines: [{ article: "valve", quantity: 2, price: 3 }],
  total: 6,
};

test("a sum that is wrong is named, so that the next attempt can correct it", () => {
  expect(Order.safeParse(order).success).toBe(true);
  const { error } = Order.safeParse({ ...order, total: 7 });
  expect(error?.issues[0]).toMatchObject({
    path: ["total"],
    message: expect.stringContaining("which is not 7"),
  });
});

test("a mail without an order costs no other mail", async () => {
  const json = (async (_name: string, _schema: unknown, prompt: string) => {
    if (prompt.endsWith("two")) throw new FinalError("The model refuses: no");
    return order;
  }) as Model["json"];
  const shared: Shared = { mails: ["one", "two", "three"] };
  await createOrderFlow({ json } as Partial<Model> as Model).run(shared);
  expect(shared.orders?.map(isFailure)).toEqual([false, true, false]);
  expect(shared.orders?.[0]).toEqual(order);
});
