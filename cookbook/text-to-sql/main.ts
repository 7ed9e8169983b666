// The command line: the only file that reads the environment or prints.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Database, QueryError, type Table } from "./database.js";
import { createTextToSqlFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, type Service } from "./llm.js";
import { createShared, type Shared } from "./nodes.js";
import { createShop } from "./shop.js";

const EXAMPLES = [
  "How many customers are there in each city?",
  "What was the revenue of paid orders per category in 2025?",
  "Delete all orders.",
];

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    process.exitCode = 128 + constants.signals[signal];
    stop.abort(new Error(`Stopped by ${signal}`));
  });
}

let service: Service | undefined;
let scratch: string | undefined;
try {
  await main();
} catch (error) {
  if (!stop.signal.aborted) {
    process.exitCode = error instanceof InputError ? 2 : 1;
    console.error(error instanceof InputError ? `error: ${error.message}` : error);
  }
} finally {
  await service?.close();
  if (scratch) rmSync(scratch, { recursive: true });
}

async function main(): Promise<void> {
  const { questions, path } = readArguments();
  service = await connect(process.env);
  console.log(service.about);
  const database = new Database(path ?? makeShop());
  const flow = createTextToSqlFlow({ llm: service.llm, database });
  for (const question of questions) {
    const shared = createShared(question);
    const action = await flow.run(shared, { signal: stop.signal, maxSteps: 100 }).catch((error) => {
      if (!(error instanceof QueryError)) throw error; // of the schema; those of the model's queries do not get here
      throw new InputError(`Expected a SQLite database in "${path}", got "${error.message}".`);
    });
    print(shared);
    if (action === "given up") process.exitCode = 1;
  }
}

function readArguments(): { questions: readonly string[]; path: string | undefined } {
  const options = { db: { type: "string" } } as const;
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    if (values.db !== undefined && !existsSync(values.db)) {
      throw new InputError(`Expected --db to name a SQLite file, got "${values.db}", which is not there.`);
    }
    if (positionals.some((question) => question.trim() === "")) {
      throw new InputError('Expected questions, got an empty one. Write: npm start -- "How many …?"');
    }
    return { questions: positionals.length > 0 ? positionals : EXAMPLES, path: values.db };
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${(error as Error).message} Write: npm start -- [--db file.sqlite] "question" …`);
  }
}

function makeShop(): string {
  scratch = mkdtempSync(join(tmpdir(), "text-to-sql-"));
  const path = join(scratch, "shop.sqlite");
  createShop(path);
  return path;
}

function print({ question, failed, sql = "", table, reason }: Shared): void {
  console.log(`\n${question}`);
  for (const { sql: refused, error } of failed) console.log(`\n${indent(refused)}\n  × ${error}`);
  if (reason) console.log(`\n  No answer: ${reason}`);
  else if (table) console.log(`\n${indent(sql)}\n\n${indent(format(table))}`);
  else console.log("\n  Given up.");
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "  ");
}

function format({ columns, rows, total }: Table): string {
  const cells = [columns, ...rows].map((row) => row.map((cell) => String(cell ?? "NULL")));
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)));
  const isNumber = columns.map((_, at) => rows.every((row) => typeof row[at] === "number"));
  const lines = cells.map((row) =>
    row
      .map((cell, at) => (isNumber[at] ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
  lines.splice(1, 0, widths.map((width) => "-".repeat(width)).join("  "));
  if (total > rows.length) lines.push(`… ${rows.length} of ${total} rows`);
  return lines.join("\n");
}
