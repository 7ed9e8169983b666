// The process of a query of text-to-sql, whose own tests start no program.
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

test("a query that does not end ends with the program", async () => {
  const child = fork(fileURLToPath(new URL("../../cookbook/text-to-sql/query.mjs", import.meta.url)), {
    execArgv: [],
  });
  child.send({ uri: ":memory:", selects: ["SELECT 1 AS first"], most: 1 });
  await once(child, "message"); // it is ready
  child.send({ uri: ":memory:", selects: [ENDLESS], most: 1 });
  await setTimeout(200);
  child.disconnect();
  expect(await once(child, "exit")).toEqual([null, "SIGKILL"]);
});
