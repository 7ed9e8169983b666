// Runs SELECTs and sends the tables to the process that started it. It ends with that process, or is killed by it.
import Connection from "libsql/promise";

process.on("disconnect", () => process.kill(process.pid, "SIGKILL")); // a query may be running
process.on("message", async ({ uri, selects, most }) => {
  try {
    const connection = new Connection(uri, {});
    const tables = [];
    for (const select of selects) tables.push(await tableOf(connection, select, most));
    process.send({ tables });
  } catch (error) {
    const kind = error instanceof Connection.SqliteError ? "refusal" : "failure";
    process.send({ [kind]: error.message });
  }
});

async function tableOf(connection, select, most) {
  await connection.prepare(select); // its errors are about this query, without the brackets
  // In these brackets only one SELECT is valid SQL: no second statement, no ATTACH, no PRAGMA. It counts all rows before
  // the first one, so SQLite works in its own thread and this one can hear that the other process has ended.
  const statement = await connection.prepare(`SELECT *, count(*) OVER () FROM (\n${select}\n) LIMIT ${most}`);
  const rows = await statement.raw().all();
  return {
    columns: statement
      .columns()
      .slice(0, -1)
      .map(({ name }) => name),
    rows: rows.map((row) => row.slice(0, -1)),
    total: Number(rows[0]?.at(-1) ?? 0),
  };
}
