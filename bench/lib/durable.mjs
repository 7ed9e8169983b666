// What the workloads of durable runs share: the work, the measuring, and the databases.
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { tsImport } from "tsx/esm/api";
import { expectEqual } from "./timing.mjs";

const TEXT = "A summary of a document, as long as many are. ".repeat(6);

/** One piece of work: 280 bytes that somebody has paid for. */
export const work = async (n) => ({ n: n + 1, text: TEXT });

export const cases = {
  "a chain of 1,000 steps": { adapter: "durableChain", steps: 1_000 },
  "a batch of 10,000 items": { adapter: "durableBatch", count: 10_000, concurrency: 64 },
};

/** The time of one run, after a small one that warms up, and what the database keeps of both. */
export async function measureOn(place, durable, { steps, count, part = 1 }) {
  const pieces = (steps ?? count) * part;
  const before = await place.size();
  const warmed = await durable(place.url);
  expectEqual(await warmed.run("warm", 20), 20, "warm");
  await warmed.close();
  const program = await durable(place.url);
  const start = performance.now();
  const done = await program.run("measured", pieces);
  const ms = performance.now() - start;
  expectEqual(done, pieces, "measured");
  await program.close();
  const kilobytes = ((await place.size()) - before) / 1024;
  await place.close();
  return { ms: ms / part, kilobytes: kilobytes / part };
}

export function sqlite() {
  const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  const sizeOf = (file) => statSync(join(folder, file)).size;
  return {
    url: join(folder, "runs.db"),
    size: async () => readdirSync(folder).reduce((sum, file) => sum + sizeOf(file), 0),
    close: async () => rmSync(folder, { recursive: true }),
  };
}

/** A server of its own, as the tests start it: on this machine, without syncs of the disk. */
export async function postgres() {
  const { startPostgres } = await tsImport("../../tests/support/postgres.ts", import.meta.url);
  const server = await startPostgres();
  const pool = new pg.Pool({ connectionString: server.url });
  return {
    url: server.url,
    size: async () => {
      const { rows } = await pool.query("SELECT sum(pg_database_size(oid)) AS bytes FROM pg_database");
      return Number(rows[0].bytes);
    },
    close: async () => {
      await pool.end();
      await server.stop();
    },
  };
}
