// Journals in files of older and newer versions.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Flow, node } from "sluice";
import { type Journal, openJournal } from "sluice/journal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SqliteConnection } from "../../../src/wings/journal/drivers/sqlite-database.js";
import { removeFolder } from "../../support/remove-folder.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-versions-"));
});
afterEach(() => removeFolder(folder));

interface Answered {
  answer?: string;
}

/** What the first version had. */
const TO_VERSION_1 = `
  DROP INDEX runs_owned;
  ALTER TABLE runs DROP COLUMN owner;
  CREATE TABLE old_entries (
    run INTEGER NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, item TEXT NOT NULL, hash TEXT, value TEXT NOT NULL,
    PRIMARY KEY (run, kind, key, item)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO old_entries SELECT * FROM entries;
  DROP TABLE entries;
  ALTER TABLE old_entries RENAME TO entries;
  CREATE TABLE old_questions (
    token TEXT PRIMARY KEY, run INTEGER NOT NULL, key TEXT NOT NULL, nth INTEGER NOT NULL, question TEXT NOT NULL,
    path TEXT NOT NULL, "index" INTEGER, expiresAt INTEGER, answer TEXT, isTaken INTEGER NOT NULL DEFAULT 0,
    askedAt INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  INSERT INTO old_questions
    SELECT token, run, key, nth, question, path, "index", expiresAt, answer, isTaken, askedAt FROM questions;
  DROP TABLE questions;
  ALTER TABLE old_questions RENAME TO questions;
  CREATE INDEX questions_by_run ON questions (run, key);
  PRAGMA user_version = 1;
`;

test("a journal of a newer version", async () => {
  const path = join(folder, "runs.db");
  await (await openJournal(path)).close();
  const newer = await SqliteConnection.open(path);
  newer.script("PRAGMA user_version = 99");
  newer.close();
  await expect(openJournal(path)).rejects.toMatchObject({
    code: "JOURNAL_VERSION",
    message: expect.stringContaining("version 99"),
  });
});

test("a journal of version 1 becomes one of the newest, with its runs and questions", async () => {
  const path = join(folder, "runs.db");
  const ask = node({
    name: "Ask",
    exec: (_: unknown, ctx) => ctx.ask<string>({ text: "Go?" }),
    post: (shared: Answered, _, answer) => void (shared.answer = answer),
  });
  const calls: string[] = [];
  const first = node({ name: "First", exec: () => calls.push("first"), post: (_: Answered) => {} });
  first.next(ask);
  const run = (shared: Answered, runs: Journal) =>
    new Flow(first, { name: "Main" }).run(shared, { journal: runs, runId: "r" });
  const journal = await openJournal(path);
  await expect(run({}, journal)).rejects.toMatchObject({ code: "SUSPENDED" });
  await journal.close();
  const older = await SqliteConnection.open(path);
  older.script(TO_VERSION_1);
  older.close();
  const newer = await openJournal(path);
  const [question] = (await newer.run("r"))?.questions ?? [];
  expect(question?.question).toEqual({ text: "Go?" });
  await newer.answer(question?.token as string, "yes");
  const shared: Answered = {};
  await run(shared, newer);
  expect(shared).toEqual({ answer: "yes" });
  expect(calls).toEqual(["first"]);
  expect(await newer.run("r")).toMatchObject({ state: "done", isOwned: false, questions: [] });
  await newer.close();
});

test("no table keeps large values in the tree that searches go through", async () => {
  const path = join(folder, "runs.db");
  await (await openJournal(path)).close();
  const connection = await SqliteConnection.open(path);
  const tables = connection.sql("SELECT name, wr FROM pragma_table_list WHERE schema = 'main'").all();
  connection.close();
  expect(tables).toContainEqual({ name: "entries", wr: 0 });
  expect(tables).not.toContainEqual(expect.objectContaining({ wr: 1 }));
});
