// A sample shop, with the same customers, products and orders each time.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Connection from "libsql";

const SCHEMA = `
CREATE TABLE customers (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  city TEXT NOT NULL
);
CREATE TABLE products (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  category TEXT NOT NULL,
  price_cents INTEGER NOT NULL
);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customers(id),
  ordered_on TEXT NOT NULL,
  status TEXT NOT NULL
);
CREATE TABLE order_items (
  order_id INTEGER NOT NULL REFERENCES orders(id),
  product_id INTEGER NOT NULL REFERENCES products(id),
  quantity INTEGER NOT NULL,
  price_cents INTEGER NOT NULL
);`;
const CITIES = ["Bergen", "Lisbon", "Lyon", "Porto", "Utrecht"];
const GARDEN = ["rake", "spade", "hose", "trowel"];
const KITCHEN = ["kettle", "pan", "ladle", "grater"];
const STATUSES = ["cancelled", "open", "paid", "paid", "paid"];

/** Writes the shop into a new SQLite file and returns its path. */
export function createShop(path = join(mkdtempSync(join(tmpdir(), "shop-")), "shop.sqlite")): string {
  const connection = new Connection(path);
  connection.exec(SCHEMA);
  const insert = (table: string, ...row: unknown[]) =>
    connection.prepare(`INSERT INTO ${table} VALUES (${row.map(() => "?").join(", ")})`).run(...row);
  connection.transaction(() => {
    for (let id = 1; id <= 40; id++) insert("customers", id, `customer ${id}`, CITIES[(id * id) % 5]);
    for (const [at, name] of [...GARDEN, ...KITCHEN].entries())
      insert("products", at + 1, name, at < 4 ? "garden" : "kitchen", 500 + 175 * at);
    for (let id = 1; id <= 400; id++) {
      const day = new Date(Date.UTC(2024, 0, 1 + ((id * 37) % 731))).toISOString().slice(0, 10);
      insert("orders", id, 1 + ((id * 13) % 40), day, STATUSES[(id * 7) % 5]);
      for (let item = 0; item <= id % 3; item++)
        insert("order_items", id, 1 + ((id + item) % 8), 1 + (id % 4), 480 + 175 * ((id + item) % 8));
    }
  })();
  connection.close();
  return path;
}
