// The two steps: sum the sales chunk by chunk, and rank the products.
import { BatchNode, type Context, Node } from "sluice";
import type { Chunk, Row } from "./sales.js";

/** What was sold of one product. Money is in cents, for sums of fractions go astray. */
export interface Sold {
  readonly units: number;
  readonly cents: number;
}

/** What some rows come to. */
export interface Totals {
  readonly rows: number;
  /** The places of rows that make no sense, the first ones of them. */
  readonly bad: readonly number[];
  readonly badRows: number;
  readonly products: ReadonlyMap<string, Sold>;
}

/** The store: sums, and never rows. */
export interface Shared {
  readonly path: string;
  totals: Totals;
  ranking?: readonly (readonly [product: string, sold: Sold])[];
}

/** Creates the store of a run. */
export const createShared = (path: string): Shared => ({
  path,
  totals: { rows: 0, bad: [], badRows: 0, products: new Map() },
});

/** What {@link SumSales} works with. */
export interface SumTools {
  /** Gives the chunks of a file, one at a time and only when it is asked. */
  readonly read: (path: string, signal: AbortSignal) => AsyncIterable<Chunk>;
  /** Is told of the sums after each chunk. */
  readonly onProgress: (totals: Totals) => void;
}

/** Sums the file chunk by chunk. */
export class SumSales extends BatchNode<Shared, Chunk, Totals> {
  readonly #tools: SumTools;

  constructor(tools: SumTools) {
    super();
    this.#tools = tools;
  }

  /** Opens nothing yet: the batch pulls a chunk when it is done with the one before. */
  override prep({ path }: Shared, { signal }: Context): AsyncIterable<Chunk> {
    return this.#tools.read(path, signal);
  }

  override exec({ from, rows }: Chunk): Totals {
    const products = new Map<string, Sold>();
    const bad: number[] = [];
    for (const [at, row] of rows.entries()) {
      const sold = soldIn(row);
      if (sold === undefined) bad.push(from + at);
      else add(products, row.product ?? "", sold);
    }
    return { rows: rows.length, bad, badRows: bad.length, products };
  }

  /** With this hook no list of results grows: what a chunk came to is added, and forgotten. */
  override onResult(shared: Shared, result: Totals): void {
    const { totals } = shared;
    const products = new Map(totals.products);
    for (const [product, sold] of result.products) add(products, product, sold);
    shared.totals = {
      rows: totals.rows + result.rows,
      bad: [...totals.bad, ...result.bad].slice(0, 5),
      badRows: totals.badRows + result.badRows,
      products,
    };
    this.#tools.onProgress(shared.totals);
  }
}

function add(products: Map<string, Sold>, product: string, sold: Sold): void {
  const { units, cents } = products.get(product) ?? { units: 0, cents: 0 };
  products.set(product, { units: units + sold.units, cents: cents + sold.cents });
}

/** What a row says; nothing if it makes no sense. */
function soldIn({ product, units = "", price = "" }: Row): Sold | undefined {
  if (!product || !/^\d+$/.test(units) || !/^\d+(\.\d+)?$/.test(price)) return undefined;
  return { units: Number(units), cents: Number(units) * Math.round(Number(price) * 100) };
}

/** Sorts the products by what they brought. */
export class RankProducts extends Node<Shared, Totals["products"], [string, Sold][]> {
  override prep({ totals }: Shared): Totals["products"] {
    return totals.products;
  }

  override exec(products: Totals["products"]): [string, Sold][] {
    return [...products].sort(([, a], [, b]) => b.cents - a.cents);
  }

  override post(shared: Shared, _products: unknown, ranking: [string, Sold][]): void {
    shared.ranking = ranking;
  }
}
