// Sums a CSV file of any size, chunk by chunk, in the memory of one chunk.
import { BatchNode, type Context, chain, Flow, node } from "sluice";
import { type Chunk, type Row, readChunks } from "./sales.js";

export interface Sold {
  readonly units: number;
  readonly cents: number;
}

export interface Shared {
  readonly path: string;
  /** Rows of a chunk. */
  readonly size: number;
  rows: number;
  /** The number of invalid rows, and the positions of the first five. */
  badRows: number;
  readonly bad: number[];
  readonly products: Map<string, Sold>;
  ranking?: readonly (readonly [product: string, sold: Sold])[];
}

/** Reads one chunk after another from the iterable of `prep`, and never loads the whole file. */
class SumSales extends BatchNode<
  Shared,
  Chunk,
  { bad: number[]; products: Map<string, Sold>; rows: number }
> {
  override prep({ path, size }: Shared, { signal }: Context): AsyncIterable<Chunk> {
    return readChunks(path, size, signal);
  }

  override exec({ from, rows }: Chunk) {
    const products = new Map<string, Sold>();
    const bad: number[] = [];
    for (const [at, row] of rows.entries()) {
      const sold = soldIn(row);
      if (sold === undefined) bad.push(from + at);
      else add(products, row.product ?? "", sold);
    }
    return { bad, products, rows: rows.length };
  }

  /** Called for each chunk as it ends, so no list of results is kept. */
  override onResult(shared: Shared, { bad, products, rows }: ReturnType<SumSales["exec"]>): void {
    shared.rows += rows;
    shared.badRows += bad.length;
    shared.bad.push(...bad.slice(0, 5 - shared.bad.length));
    for (const [product, sold] of products) add(shared.products, product, sold);
  }
}

function add(products: Map<string, Sold>, product: string, sold: Sold): void {
  const { units, cents } = products.get(product) ?? { units: 0, cents: 0 };
  products.set(product, { units: units + sold.units, cents: cents + sold.cents });
}

function soldIn({ product, units = "", price = "" }: Row): Sold | undefined {
  if (!product || !/^\d+$/.test(units) || !/^\d+(\.\d+)?$/.test(price)) return undefined;
  return { units: Number(units), cents: Number(units) * Math.round(Number(price) * 100) };
}

export function createSalesFlow(): Flow<Shared> {
  const rank = node({
    name: "RankProducts",
    post: (shared: Shared) => {
      shared.ranking = [...shared.products].sort(([, a], [, b]) => b.cents - a.cents);
    },
  });
  return new Flow(chain(new SumSales(), rank), { name: "Sales" });
}
