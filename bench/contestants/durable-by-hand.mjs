// The baseline of durable runs: a table of results, as one would write it by hand for just that work.
import { work } from "../lib/durable.mjs";

/** Each result is a row, committed before the next step. */
export async function durableChain(url) {
  const rows = await openRows(url);
  const run = async (id, steps) => {
    let n = 0;
    while (n < steps) {
      const result = await work(n);
      n = result.n;
      await rows.write([[id, n, JSON.stringify(result)]]);
    }
    return n;
  };
  return { run, close: rows.close };
}

/** Each result is a row. Those of one turn of the event loop share a commit, and their workers wait for it. */
export async function durableBatch(url) {
  const rows = await openRows(url);
  let group = [];
  let commit;
  const write = (row) => {
    group.push(row);
    commit ??= new Promise((resolve) => setImmediate(resolve)).then(() => {
      const taken = group;
      group = [];
      commit = undefined;
      return rows.write(taken);
    });
    return commit;
  };
  const run = async (id, count) => {
    const results = [];
    let next = 0;
    const worker = async () => {
      for (let n = next++; n < count; n = next++) {
        results[n] = await work(n);
        await write([id, n, JSON.stringify(results[n])]);
      }
    };
    await Promise.all(Array.from({ length: 64 }, worker));
    return results.length;
  };
  return { run, close: rows.close };
}

/** Opens a table in a SQLite file or a PostgreSQL database. */
const openRows = (url) => (url.startsWith("postgres:") ? inPostgres(url) : inSqlite(url));

async function inSqlite(path) {
  const { default: Database } = await import("libsql");
  const database = new Database(path);
  database.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE IF NOT EXISTS results (run TEXT, n INTEGER, value TEXT, PRIMARY KEY (run, n)) WITHOUT ROWID",
  );
  const insert = database.prepare("INSERT INTO results VALUES (?, ?, ?)");
  return {
    write: async (rows) => {
      database.exec("BEGIN");
      for (const row of rows) insert.run(...row);
      database.exec("COMMIT");
    },
    close: async () => void database.close(),
  };
}

async function inPostgres(url) {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(
    "CREATE TABLE IF NOT EXISTS results (run text, n integer, value text, PRIMARY KEY (run, n))",
  );
  return {
    write: (rows) =>
      client.query({
        name: "insert",
        text: "INSERT INTO results SELECT * FROM unnest($1::text[], $2::int[], $3::text[])",
        values: [0, 1, 2].map((at) => rows.map((row) => row[at])),
      }),
    close: () => client.end(),
  };
}
