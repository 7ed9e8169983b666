// Runs the program as a user does, with little memory, and the flow with chunks that the test can count.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test, vi } from "vitest";
import { createSalesFlow } from "./flow.js";
import { createShared } from "./nodes.js";
import { type Chunk, makeSales, readChunks } from "./sales.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "batch-node-"));
afterAll(() => rmSync(scratch, { recursive: true }));
const never = new AbortController().signal;

function fileWith(name: string, text: string): string {
  writeFileSync(join(scratch, name), text);
  return name;
}

function start(args: string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, ["--import", tsx, join(import.meta.dirname, "main.ts"), ...args], {
    cwd: scratch,
    env: { ...process.env, ...env },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  return { child, text: () => text, ended: once(child, "close").then(([code]) => ({ code, text })) };
}

describe.concurrent("the program", () => {
  test("sums a large file in a heap that could not hold its rows", async () => {
    const rows = 300_000;
    const path = join(scratch, "sales.csv");
    await makeSales(path, rows, never);
    const { code, text } = await start([path], { NODE_OPTIONS: "--max-old-space-size=40" }).ended;
    const products = new Map<string, [units: number, cents: number]>();
    for (const line of readFileSync(path, "utf8").trimEnd().split("\n").slice(1)) {
      const [, product = "", units = "", price = ""] = /^[^,]+,(.+),(\d+),([^,]+)$/.exec(line) ?? [];
      const [sumOfUnits, sumOfCents] = products.get(product) ?? [0, 0];
      if (price === "n/a") continue;
      const cents = sumOfCents + Number(units) * Math.round(Number(price) * 100);
      products.set(product, [sumOfUnits + Number(units), cents]);
    }
    const expected = [...products]
      .sort(([, [, a]], [, [, b]]) => b - a)
      .map(([product, [units, cents]]) => [
        product.replaceAll('"', ""),
        units.toLocaleString("en"),
        (cents / 100).toLocaleString("en", { minimumFractionDigits: 2 }),
      ]);
    const table = text.slice(text.indexOf("product  ")).split("\n").slice(1, 6);
    expect(table.map((line) => line.split(/ {2,}/))).toEqual(expected);
    expect(text).toContain(
      "\n300,000 rows, 7 of them left out (rows 40000, 80000, 120000, 160000, 200000, …)\n",
    );
    expect(code).toBe(0);
  });

  test("reads a file of one's own, and leaves out what makes no sense", async () => {
    const rows = ["d,a,2,1.50", 'd,"a, large",1,10', "d,a,-1,5", "d,a,1", ",,,", "d,a,3,0.1"].join("\r\n");
    const file = fileWith("own.csv", `\uFEFFdate,product,units,price\r\n${rows}\r\n`);
    const { code, text } = await start([file, "--chunk", "2"]).ended;
    expect(text.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
      [""],
      ["product", "units", "revenue"],
      ["a, large", "1", "10.00"],
      ["a", "5", "3.30"],
      [""],
      ["6 rows, 3 of them left out (rows 3, 4, 5)"],
      [""],
    ]);
    expect(code).toBe(0);
  });

  test("makes a file to try it with, and takes it away, also on Ctrl-C", async () => {
    const temporary = join(scratch, "temporary");
    mkdirSync(temporary);
    const { child, text, ended } = start([], { TMPDIR: temporary });
    await vi.waitFor(() => expect(text()).toContain("  100,000 rows   heap"), { timeout: 60_000 });
    expect(text()).toContain("Made 500,000 rows of sales, ");
    const stoppedAt = performance.now();
    child.kill("SIGINT");
    expect((await ended).code).toBe(130);
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    expect(readdirSync(temporary).filter((name) => name.startsWith("sales-"))).toEqual([]);
  });

  test("explains wrong input", async () => {
    const runs = [
      [["gone.csv"], 'error: Expected a CSV file, got "gone.csv": ENOENT'],
      [
        [fileWith("other.csv", "date,item,units\n")],
        'got "date,item,units" in "other.csv". Add product, price',
      ],
      [["--rows", "0"], 'error: Expected --rows to be an integer from 1 up, got "0".'],
    ] as const;
    for (const [args, message] of runs) {
      const { code, text } = await start([...args]).ended;
      expect(text).toContain(message);
      expect(code).toBe(2);
    }
  });
});

/** Gives more chunks than anybody wants, and counts how far they are ahead of the sums. */
function plenty() {
  const seen = { pulled: 0, summed: 0, ahead: 0, closed: false };
  async function* read(): AsyncGenerator<Chunk> {
    try {
      while (seen.pulled < 10_000) {
        seen.ahead = Math.max(seen.ahead, ++seen.pulled - seen.summed);
        yield { from: seen.pulled, rows: [{ product: "lamp", units: "1", price: "2" }] };
      }
    } finally {
      seen.closed = true;
    }
  }
  return { seen, read };
}

test("a chunk is pulled when the one before is summed, and a stop closes the source", async () => {
  const { seen, read } = plenty();
  const stop = new AbortController();
  const shared = createShared("");
  const onProgress = () => {
    if (++seen.summed === 1_000) stop.abort(new Error("enough"));
  };
  await expect(createSalesFlow({ read, onProgress }).run(shared, { signal: stop.signal })).rejects.toThrow(
    "enough",
  );
  expect(seen.ahead).toBe(1);
  expect(seen.pulled).toBeLessThanOrEqual(1_001);
  expect(shared.totals).toMatchObject({
    rows: 1_000,
    products: new Map([["lamp", { units: 1_000, cents: 200_000 }]]),
  });
  await vi.waitFor(() => expect(seen.closed).toBe(true));
});

test("chunks are as large as asked for, and know their place", async () => {
  const path = join(scratch, "seven.csv");
  await makeSales(path, 7, never);
  const chunks: number[][] = [];
  for await (const { from, rows } of readChunks(path, 3, never)) chunks.push([from, rows.length]);
  expect(chunks).toEqual([
    [1, 3],
    [4, 3],
    [7, 1],
  ]);
});
