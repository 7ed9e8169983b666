// The program: read batch-node.ts first.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { program } from "../lib/main.js";
import { createSalesFlow, type Shared } from "./batch-node.js";
import { makeSales } from "./sales.js";

const DEFAULTS = { rows: 300_000, chunk: 1_000 };
await program("[file.csv] [--rows n] [--chunk n]", DEFAULTS, async ({ words: [file], flags, run }) => {
  const folder = mkdtempSync(join(tmpdir(), "sales-"));
  process.on("exit", () => rmSync(folder, { recursive: true }));
  const path = file ?? join(folder, "sales.csv");
  if (file === undefined) await makeSales(path, flags.rows, run.signal);
  const shared: Shared = { path, size: flags.chunk, rows: 0, badRows: 0, bad: [], products: new Map() };
  await createSalesFlow().run(shared, run);
  for (const [product, { units, cents }] of shared.ranking ?? []) {
    console.log(product, units, (cents / 100).toFixed(2));
  }
  console.log(`${shared.rows} rows, left out: ${shared.badRows} (rows ${shared.bad.join(", ")})`);
});
