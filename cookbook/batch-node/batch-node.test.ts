import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createSalesFlow, type Shared } from "./batch-node.js";
import { makeSales } from "./sales.js";

const folder = mkdtempSync(join(tmpdir(), "sales-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function sum(path: string, size: number) {
  const shared: Shared = { path, size, rows: 0, badRows: 0, bad: [], products: new Map() };
  await createSalesFlow().run(shared);
  return shared;
}

test.each([1, 2, 100])("the sums do not depend on the size of a chunk: %d", async (size) => {
  const path = join(folder, `${size}.csv`);
  writeFileSync(
    path,
    'date,product,units,price\n2024-01-01,gate,2,10.50\n2024-01-01,"rope, tarred",x,1\n2024-01-02,gate,1,10\n',
  );
  const { ranking, rows, bad } = await sum(path, size);
  expect(ranking).toEqual([["gate", { units: 3, cents: 3_100 }]]);
  expect([rows, bad]).toEqual([3, [2]]);
});

test("a made file is summed whole", async () => {
  const path = join(folder, "made.csv");
  await makeSales(path, 2_500, new AbortController().signal);
  expect((await sum(path, 1_000)).rows).toBe(2_500);
});

test("a file without the columns is named", async () => {
  const path = join(folder, "other.csv");
  writeFileSync(path, "a,b\n1,2\n");
  await expect(sum(path, 10)).rejects.toThrow("Expected the columns date, product, units, price");
});
