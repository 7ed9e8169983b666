// Runs the program as a user does, and the flow with models that the test holds: good, bad and hostile ones.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Database, MOST_ROWS } from "./database.js";
import { createTextToSqlFlow } from "./flow.js";
import { type Draft, type FailedTry, Llm } from "./llm.js";
import { createShared } from "./nodes.js";
import { createShop, inventShop } from "./shop.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "text-to-sql-test-"));
const path = join(scratch, "a shop?.sqlite"); // a name that must be escaped in a URI
beforeAll(() => createShop(path));
afterAll(() => rmSync(scratch, { recursive: true }));

async function start(args: string[], env: NodeJS.ProcessEnv = {}) {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL, ...clean } = process.env;
  const child = spawn(process.execPath, ["--import", tsx, join(import.meta.dirname, "main.ts"), ...args], {
    cwd: scratch,
    env: { ...clean, ...env },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  const [code] = await once(child, "close");
  return { code, text };
}

/** A model that says what it is told to say, and keeps what it was told. */
class Scripted extends Llm {
  readonly heard: FailedTry[][] = [];
  readonly #drafts: readonly Draft[];

  constructor(...drafts: string[]) {
    super(new OpenAI({ apiKey: "none" }), "");
    this.#drafts = drafts.map((sql) => ({ sql }));
  }

  override async writeSql(...[, , failed]: Parameters<Llm["writeSql"]>): Promise<Draft> {
    this.heard.push([...failed]);
    return this.#drafts[Math.min(failed.length, this.#drafts.length - 1)] as Draft;
  }
}

const ask = async (llm: Llm, options: { tries?: number; time?: number } = {}) => {
  const shared = createShared("");
  const action = await createTextToSqlFlow({ llm, database: new Database(path), ...options }).run(shared);
  return { ...shared, action };
};

describe("the program", () => {
  test("answers from the rows of the database, and mends SQL by what the database says", async () => {
    const { code, text } = await start([]);
    const shop = inventShop();
    expect(text).toContain("No OPENAI_API_KEY: using a local stand-in");
    const { customers } = shop;
    for (const city of new Set(customers.map(([, , city]) => city))) {
      const count = customers.filter((customer) => customer[2] === city).length;
      expect(text).toMatch(new RegExp(`^ +${city} +${count}$`, "m"));
    }
    for (const category of ["garden", "kitchen", "office"]) {
      const cents = shop.order_items.reduce((sum, [orderId, productId, quantity, price]) => {
        const order = shop.orders.find(([id]) => id === orderId);
        const product = shop.products.find(([id]) => id === productId);
        const counts = order?.[2].startsWith("2025") && order[3] === "paid" && product?.[2] === category;
        return counts ? sum + quantity * price : sum;
      }, 0);
      expect(cents).toBeGreaterThan(0);
      expect(text).toMatch(new RegExp(`^ +${category} +${cents}$`, "m"));
    }
    expect(text).toContain("× no such column: revenue");
    expect(text).toContain("× ambiguous column name: price_cents");
    expect(text).toMatch(/DELETE FROM orders\n {2}× Expected one SELECT.+\n\n {2}No answer/);
    expect(code).toBe(0); // that a question has no answer is an answer
  });

  test("answers about a database of one's own, and leaves it as it was", async () => {
    const before = readFileSync(path);
    const { code, text } = await start(["--db", path, "How many open orders are there in Lyon?"]);
    const shop = inventShop();
    const fromLyon = new Set(shop.customers.filter(([, , city]) => city === "Lyon").map(([id]) => id));
    const open = shop.orders.filter(([, customer, , status]) => status === "open" && fromLyon.has(customer));
    expect(text).toMatch(new RegExp(`^ +${open.length}$`, "m"));
    expect(code, text).toBe(0);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("explains wrong input", async () => {
    writeFileSync(join(scratch, "notes.txt"), "no database\n".repeat(100));
    const cases = [
      [["--db", "none.sqlite"], {}, 'Expected --db to name a SQLite file, got "none.sqlite"'],
      [["--db", "notes.txt"], {}, 'Expected a SQLite database in "notes.txt", got "file is not a database"'],
      [[], { OPENAI_API_KEY: "x", OPENAI_BASE_URL: "nowhere" }, "Expected OPENAI_BASE_URL to be a URL"],
    ] as const;
    const ends = await Promise.all(cases.map(([args, env]) => start([...args], env)));
    for (const [at, [, , message]] of cases.entries()) {
      expect(ends[at]?.text).toContain(`error: ${message}`);
      expect(ends[at]?.code).toBe(2);
    }
  });
});

describe("the loop", () => {
  test("hands every refused query back with its error, and ends with the first that runs", async () => {
    const llm = new Scripted("SELECT nme FROM customers", "SELECT name FROM customer", "SELECT 6 * 7 AS n;");
    const { action, failed, table } = await ask(llm);
    expect(action).toBe("answered");
    expect(table).toEqual({ columns: ["n"], rows: [[42]], total: 1 });
    expect(failed.map(({ error }) => error)).toEqual(["no such column: nme", "no such table: customer"]);
    expect(llm.heard).toEqual([[], failed.slice(0, 1), failed]);
  });

  test("gives up after as many tries as it was given", async () => {
    const llm = new Scripted("SELECT FROM");
    const { action, failed, table } = await ask(llm, { tries: 3 });
    expect([action, failed.length, llm.heard.length, table]).toEqual(["given up", 3, 3, undefined]);
  });

  test("interrupts a query that would never end, and says so to the model", async () => {
    const endless =
      "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i IN (1, 0)";
    const { action, failed } = await ask(new Scripted(endless, "SELECT 1"), { time: 100 });
    expect(action).toBe("answered");
    expect(failed[0]?.error).toBe("interrupted after 100 ms");
  });

  // Were it not interrupted, the query itself would never settle, whoever waits for it or no longer does.
  test.each([0, 1, 100])("an abort after %i ms ends a query that would never end", async (ms) => {
    const endless = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("enough")), ms);
    await expect(new Database(path).query(endless, stop.signal)).rejects.toThrow("enough");
  });
});

describe("the database", () => {
  const never = new AbortController().signal;

  test.each([
    "DELETE FROM orders",
    "WITH old AS (SELECT 1) DELETE FROM orders RETURNING id",
    "SELECT 1) LIMIT 1; DELETE FROM orders; --",
    "ATTACH 'stolen.sqlite' AS stolen",
    "VACUUM INTO 'stolen.sqlite'",
    "PRAGMA query_only = 0",
    "VALUES (1)); DROP TABLE orders; --",
  ])("is not changed by %s", async (sql) => {
    const before = readFileSync(path);
    await new Database(path).query(sql, never).catch(() => {});
    expect(readFileSync(path).equals(before)).toBe(true);
    await expect(ask(new Scripted(sql))).resolves.toMatchObject({ action: "given up" });
  });

  test("is opened read-only: a file that is not there is not made", async () => {
    const missing = join(scratch, "missing.sqlite");
    await expect(new Database(missing).query("SELECT 1", never)).rejects.toThrow("Unable to open");
    expect(existsSync(missing)).toBe(false);
  });

  test("gives the first rows of many, in their order, and says how many there are", async () => {
    const sql = "SELECT id, id AS id FROM orders ORDER BY id DESC";
    const { columns, rows, total } = await new Database(path).query(sql, never);
    expect([columns.length, rows.length, total]).toEqual([2, MOST_ROWS, 400]);
    expect(rows.slice(0, 2)).toEqual([
      [400, 400],
      [399, 399],
    ]);
  });

  test("tells the model which values a column has, where they are few", async () => {
    const schema = await new Database(path).schema(never);
    expect(schema).toContain("-- orders.status: 'cancelled', 'open', 'paid'");
    expect(schema).not.toContain("-- customers.name");
  });
});
