// A shop to ask about, made here: the same customers, products and orders each time.
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
const NAMES = ["Ada", "Bo", "Cleo", "Dina", "Emil", "Fay", "Gus", "Hana", "Ivo", "June"];
const CATALOGUE = {
  garden: ["rake", "spade", "hose", "trowel"],
  kitchen: ["kettle", "pan", "ladle", "grater"],
  office: ["lamp", "stapler", "notebook", "chair"],
};
const STATUSES = ["cancelled", "open", "paid", "paid", "paid"];

/** The rows of all tables, columns in the order of the schema. */
export interface Shop {
  readonly customers: [id: number, name: string, city: string][];
  readonly products: [id: number, name: string, category: string, cents: number][];
  readonly orders: [id: number, customer: number, orderedOn: string, status: string][];
  readonly order_items: [order: number, product: number, quantity: number, cents: number][];
}

/** Invents a shop, the same one each time. */
export function inventShop(): Shop {
  let seed = 7;
  const below = (end: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * end);
  };
  const pick = <T>(from: readonly T[]) => from[below(from.length)] as T;
  const shop: Shop = { customers: [], products: [], orders: [], order_items: [] };
  for (let id = 1; id <= 40; id++) {
    shop.customers.push([id, `${pick(NAMES)} ${String.fromCharCode(64 + (id % 26 || 26))}.`, pick(CITIES)]);
  }
  for (const [category, names] of Object.entries(CATALOGUE)) {
    for (const name of names) {
      shop.products.push([shop.products.length + 1, name, category, 500 + 25 * below(200)]);
    }
  }
  const start = Date.UTC(2024, 0, 1);
  for (let id = 1; id <= 400; id++) {
    const orderedOn = new Date(start + below(731) * 86_400_000).toISOString().slice(0, 10);
    shop.orders.push([id, 1 + below(40), orderedOn, pick(STATUSES)]);
    const first = below(12);
    for (let item = 0; item <= below(3); item++) {
      const [product, , , cents] = shop.products[(first + item) % 12] as Shop["products"][number];
      shop.order_items.push([id, product, 1 + below(4), cents - 10 * below(5)]); // some of it was on sale
    }
  }
  return shop;
}

/** Writes the shop into a new SQLite file. */
export function createShop(path: string): void {
  const connection = new Connection(path);
  connection.exec(SCHEMA);
  connection.transaction(() => {
    for (const [table, rows] of Object.entries(inventShop())) {
      for (const row of rows) {
        connection.prepare(`INSERT INTO ${table} VALUES (${row.map(() => "?").join(", ")})`).run(...row);
      }
    }
  })();
  connection.close();
}
