// Which process has a run: seen from outside, and after the process is gone.
import { mkdtempSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { Flow, node } from "sluice";
import { openJournal } from "sluice/journal";
import { expect, test } from "vitest";
import { z } from "zod";
import { SqliteDriver } from "../../../src/wings/journal/drivers/sqlite.js";
import { removeFolder } from "../../support/remove-folder.js";

test("a run is of its process while that lives, and of none once the process is gone", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-owners-"));
  const path = join(folder, "runs.db");
  // A driver of its own stands for another process: closed, it leaves what a process leaves that is killed.
  const process1 = await SqliteDriver.open(path);
  await process1.claim("r", { id: "r", flow: "Quick", version: null, graph: "", params: "[{}]", input: "" });
  const journal = await openJournal(path);
  const owner = `${process.pid}@${hostname()}`;
  expect(await journal.run("r")).toMatchObject({ state: "running", isOwned: true, owner });
  expect(await journal.runs()).toMatchObject([{ isOwned: true, owner }]);
  expect(await journal.holder()).toBe(owner);
  const quick = (runId: string) =>
    new Flow(node({ name: "A" }), { name: "Quick" }).run({}, { journal, runId });
  await expect(quick("q")).rejects.toThrow(`(${owner})`);

  process1.close();
  const gone = { state: "running", isOwned: false, owner: undefined };
  expect(await journal.run("r")).toMatchObject(gone);
  expect(await journal.holder()).toBe(undefined);
  // Another run of another process does not bring the first one back to life.
  const other = await openJournal(path);
  let seen: unknown;
  const looks = node({
    name: "Looks",
    exec: async () => {
      seen = [await other.run("r"), await other.run("own"), await journal.holder(), await other.holder()];
    },
  });
  await new Flow(looks, { name: "Looks" }).run({}, { journal, runId: "own" });
  expect(seen).toMatchObject([gone, { isOwned: true, owner }, undefined, owner]);
  await journal.close();
  await other.close();
  await removeFolder(folder);
});

test("a question has the JSON Schema of its answer, where its schema can give one", async () => {
  const journal = await openJournal(":memory:");
  const verdict = z.object({ ok: z.boolean(), why: z.string().optional() });
  const flow = new Flow(
    node({
      name: "Ask",
      exec: (_: unknown, { ask }) => ask("well?", { schema: verdict }),
    }),
    { name: "Asks" },
  );
  const bare = new Flow(
    node({ name: "Ask", exec: (_: unknown, { ask }) => ask("when?", { schema: z.date() }) }),
    { name: "Bare" },
  );
  const error = await flow.run({}, { journal, runId: "a" }).catch((error) => error);
  await bare.run({}, { journal, runId: "b" }).catch(() => {});
  const schema = { type: "object", properties: { ok: { type: "boolean" }, why: { type: "string" } } };
  expect(error.questions).toMatchObject([{ question: "well?", schema }]);
  expect((await journal.run("a"))?.questions).toMatchObject([{ schema }]);
  expect((await journal.run("b"))?.questions).toMatchObject([{ question: "when?", schema: undefined }]);
  await journal.close();
});
