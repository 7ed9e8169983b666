import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import type { Model } from "../lib/model.js";
import { Database, QueryError } from "./database.js";
import { createShop } from "./shop.js";
import { createSqlFlow, type Shared } from "./text-to-sql.js";

const folder = mkdtempSync(join(tmpdir(), "text-to-sql-"));
const database = new Database(createShop(join(folder, "shop.sqlite")));
afterAll(() => rmSync(folder, { recursive: true }));
const { signal } = new AbortController();

/** Runs with the model's drafts; the last one is repeated. */
async function ask(drafts: string[], tries = 3, timeout?: number) {
  const prompts: string[] = [];
  const json = async (_name: string, _schema: unknown, prompt: string) => {
    prompts.push(prompt);
    const sql = drafts.length > 1 ? drafts.shift() : drafts[0];
    return { sql, reason: sql ? "" : "it is not there" };
  };
  const shared: Shared = { question: "How many?", refused: [] };
  const flow = createSqlFlow({ json } as unknown as Model, database, tries, timeout);
  return { ending: await flow.run(shared, { maxSteps: 20 }), prompts, ...shared };
}

test("the answer comes from the database", async () => {
  expect(await ask(["SELECT count(*) AS orders FROM orders;"])).toMatchObject({
    ending: "answered",
    table: { columns: ["orders"], rows: [[400]], total: 1 },
  });
});

test("what the database says goes back to the model, until the query runs", async () => {
  const { ending, prompts, refused } = await ask(["SELECT revenue FROM orders", "SELECT 1 AS one"]);
  expect(ending).toBe("answered");
  expect(refused).toEqual([{ sql: "SELECT revenue FROM orders", error: "no such column: revenue" }]);
  expect(prompts[1]).toContain("no such column: revenue");
});

test("after so many queries it is given up, and a question without an answer has a reason", async () => {
  expect(await ask(["SELECT nothing"], 2)).toMatchObject({ ending: "given up", refused: [{}, {}] });
  expect(await ask([""])).toMatchObject({ ending: "cannot be answered", reason: "it is not there" });
});

test.each([
  "DELETE FROM orders",
  "SELECT 1; DELETE FROM orders",
  "SELECT 1) UNION SELECT count(*) OVER () FROM (SELECT 1); DROP TABLE orders; --",
  "ATTACH 'other.sqlite' AS other",
  "WITH a AS (SELECT 1) DELETE FROM orders",
])("it only reads: %s", async (sql) => {
  await expect(database.query(sql, signal)).rejects.toThrow(QueryError);
  expect((await database.query("SELECT count(*) FROM orders", signal)).rows).toEqual([[400]]);
});

const ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

test("a query that does not end is ended, and the model gets the reason", async () => {
  const { ending, refused } = await ask([ENDLESS], 1, 500);
  expect([ending, refused[0]?.error]).toEqual(["given up", "stopped after 500 ms"]);
  const running = () => process.getActiveResourcesInfo().filter((name) => name === "ProcessWrap");
  await vi.waitFor(() => expect(running()).toEqual([]), 5_000);
});

test("a file that cannot be opened is an error, and not a reason for the model", async () => {
  const missing = new Database(join(folder, "missing", "shop.sqlite"));
  const error = await missing.query("SELECT 1", signal).catch((reason: unknown) => reason);
  expect(error).not.toBeInstanceOf(QueryError);
  expect(String(error)).toMatch(/unable to open .*shop\.sqlite/i);
});

test("the schema has the values of columns that have few", async () => {
  const schema = await database.schema(signal);
  expect(schema).toContain("CREATE TABLE order_items");
  expect(schema).toContain("-- orders.status: 'cancelled', 'open', 'paid'");
  expect(schema).not.toContain("-- customers.name");
});

test("a long answer is cut, and says how long it was", async () => {
  const { rows, total } = await database.query("SELECT id FROM orders", signal);
  expect([rows.length, total]).toEqual([50, 400]);
});
