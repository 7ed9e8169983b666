// The program: read text-to-sql.ts first. Without --db it makes the database of a shop.
import { existsSync } from "node:fs";
import { program, UsageError } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { Database } from "./database.js";
import { createShop } from "./shop.js";
import { createSqlFlow, type Shared } from "./text-to-sql.js";

const ASKED = ["What was the revenue of paid orders per category in 2025?", "Delete all orders."];

await program("[questions …] [--db file.sqlite]", { db: "" }, async ({ words, flags, run }) => {
  if (flags.db && !existsSync(flags.db))
    throw new UsageError(`Expected --db to name a SQLite file, got "${flags.db}".`);
  const flow = createSqlFlow(await connect("text-to-sql"), new Database(flags.db || createShop()));
  for (const question of words.length > 0 ? words : ASKED) {
    const shared: Shared = { question, refused: [] };
    console.log(`\n${question}`);
    if ((await flow.run(shared, run)) === "given up") process.exitCode = 1;
    if (shared.table === undefined) console.log(`  No answer: ${shared.reason ?? "no query ran"}`);
    else for (const row of [shared.table.columns, ...shared.table.rows]) console.log(`  ${row.join("  ")}`);
    const left = (shared.table?.total ?? 0) - (shared.table?.rows.length ?? 0);
    if (left > 0) console.log(`  … and ${left} more rows`);
  }
});
