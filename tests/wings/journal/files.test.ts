// A journal in a file: one process at a time, and files that cannot be used.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { AsyncParallelBatchNode, Flow, node } from "sluice";
import { openJournal } from "sluice/journal";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SqliteDriver } from "../../../src/wings/journal/drivers/sqlite.js";
import { SqliteConnection } from "../../../src/wings/journal/drivers/sqlite-database.js";
import { removeFolder } from "../../support/remove-folder.js";
import { mountDisk, noDisk, type SmallDisk } from "../../support/small-disk.js";
import { hasModes, isPrivate } from "../../support/system.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-files-"));
});
afterEach(() => removeFolder(folder));

interface Shared {
  n?: number;
  end?: boolean;
}

function createFlow(calls: string[]): Flow<Shared> {
  const first = node({
    name: "First",
    exec: () => calls.push("first"),
    post: (shared: Shared, _, n) => void (shared.n = n),
  });
  const second = node({
    name: "Second",
    exec: () => calls.push("second"),
    post: (shared: Shared) => void (shared.end = true),
  });
  first.next(second);
  return new Flow(first, { name: "Main" });
}

describe("two processes on one file", () => {
  test("one runs, the other is refused; it takes over within 50 ms of a kill -9", async () => {
    const path = join(folder, "runs.db");
    const program = join(import.meta.dirname, "programs/hold.ts");
    const child = spawn(process.execPath, ["--import", tsx, program, path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    const driver = await SqliteDriver.open(path);
    const journal = await openJournal({ driver });
    const calls: string[] = [];
    const run = (shared: Shared) => createFlow(calls).run(shared, { journal, runId: "r" });
    await expect(run({})).rejects.toMatchObject({
      code: "JOURNAL_IN_USE",
      message: expect.stringContaining("PostgreSQL"),
    });
    expect((await journal.run("r"))?.state).toBe("running");
    expect(calls).toEqual([]);
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    // How long the system needs to end it is not ours.
    await ended;
    const diedAt = performance.now();
    const { epoch } = await driver.claim("r", undefined);
    // 50 ms are the promise; the rest is for a machine that runs other tests.
    expect(performance.now() - diedAt).toBeLessThan(2_000);
    await driver.settle("r", epoch, { state: "failed" });
    const shared: Shared = {};
    await run(shared);
    expect(calls).toEqual(["second"]);
    expect(shared).toEqual({ n: 1, end: true });
    await journal.close();
  });

  test("a second journal of one process neither runs nor drops the lock of the first", async () => {
    const path = join(folder, "runs.db");
    const [one, two] = [await openJournal(path), await openJournal(path)];
    let go = () => {};
    const waiting = new Promise<void>((resolve) => {
      go = resolve;
    });
    let started = () => {};
    const isStarted = new Promise<void>((resolve) => {
      started = resolve;
    });
    const slow = node({
      name: "Slow",
      exec: () => {
        started();
        return waiting;
      },
    });
    const run = new Flow(slow, { name: "Main" }).run({}, { journal: one, runId: "a" });
    await isStarted;
    for (let time = 0; time < 2; time++) {
      const other = createFlow([]).run({}, { journal: two, runId: "b" });
      await expect(other).rejects.toMatchObject({ code: "JOURNAL_IN_USE" });
    }
    go();
    await run;
    await createFlow([]).run({}, { journal: two, runId: "b" });
    await Promise.all([one.close(), two.close()]);
  });

  test("many open a new file at once", async () => {
    const path = join(folder, "runs.db");
    const journals = await Promise.all(Array.from({ length: 8 }, () => openJournal(path)));
    expect(await Promise.all(journals.map((journal) => journal.runs()))).toEqual(journals.map(() => []));
    expect(isPrivate(path)).toBe(true);
    for (const journal of journals) await journal.close();
  });
});

describe("a file that cannot be used", () => {
  test("a folder that is not there", async () => {
    const path = join(folder, "none", "runs.db");
    await expect(openJournal(path)).rejects.toMatchObject({
      code: "JOURNAL_FAILED",
      message: expect.stringContaining(`there is no folder ${join(folder, "none")}; make it first`),
    });
    mkdirSync(join(folder, "runs.db"));
    await expect(openJournal(join(folder, "runs.db"))).rejects.toMatchObject({ code: "JOURNAL_FAILED" });
  });

  test("a file of another kind, which stays as it was", async () => {
    const path = join(folder, "notes.txt");
    const text = "no database ".repeat(100);
    writeFileSync(path, text);
    await expect(openJournal(path)).rejects.toMatchObject({
      code: "JOURNAL_FAILED",
      message: expect.stringContaining("it is no database; name a file of its own"),
    });
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  test("a database of another program, which stays as it was", async () => {
    const path = join(folder, "other.db");
    const other = await SqliteConnection.open(path);
    other.script("CREATE TABLE theirs (a)");
    other.close();
    const before = readFileSync(path);
    await expect(openJournal(path)).rejects.toMatchObject({ code: "JOURNAL_VERSION" });
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(existsSync(`${path}-wal`)).toBe(false);
  });

  test.skipIf(process.getuid?.() === 0 || !hasModes)("a file that may not be written", async () => {
    const path = join(folder, "runs.db");
    await (await openJournal(path)).close();
    chmodSync(path, 0o400);
    await expect(openJournal(path)).rejects.toMatchObject({ code: "JOURNAL_FAILED" });
  });
});

describe.skipIf(noDisk !== undefined)("a disk of its own", () => {
  let disk: SmallDisk;
  beforeEach(() => {
    disk = mountDisk(8_192);
  });
  afterEach(() => disk.unmount());

  test("a full disk stops the run with a clear error, and it goes on later with all that was written", async () => {
    const filler = join(disk.folder, "filler");
    writeFileSync(filler, Buffer.alloc(7_600_000));
    const journal = await openJournal(join(disk.folder, "runs.db"));
    const calls = new Map<number, number>();
    class Items extends AsyncParallelBatchNode<{ results?: number }, number, string> {
      override prep() {
        return [...Array(400).keys()];
      }
      override async exec(n: number) {
        calls.set(n, (calls.get(n) ?? 0) + 1);
        await new Promise((resolve) => setImmediate(resolve));
        return String(n).repeat(1_000);
      }
      override post(shared: { results?: number }, _: unknown, results: string[]) {
        shared.results = results.filter((text, n) => text === String(n).repeat(1_000)).length;
      }
    }
    const run = (shared: object) =>
      new Flow(new Items({ name: "Items", concurrency: 4 }), { name: "Main" }).run(shared, {
        journal,
        runId: "r",
      });
    await expect(run({})).rejects.toMatchObject({
      code: "JOURNAL_FAILED",
      message: expect.stringMatching(/disk is full.*free some space/is),
    });
    const before = calls.size;
    expect(before).toBeGreaterThan(20);
    expect(before).toBeLessThan(400);
    rmSync(filler);
    const shared: { results?: number } = {};
    await run(shared);
    expect(shared.results).toBe(400);
    // Paid again is the commit that failed, with the calls that were in flight.
    const repeated = [...calls.values()].filter((count) => count > 1).length;
    expect(repeated).toBeLessThanOrEqual(16);
    expect((await journal.run("r"))?.state).toBe("done");
    await journal.close();
  });

  test("a disk that is read-only is a clear error, and the run goes on later", async () => {
    const path = join(disk.folder, "runs.db");
    const calls: string[] = [];
    const journal = await openJournal(path);
    await new Flow(node({ name: "One", exec: () => 1 }), { name: "One" }).run({}, { journal, runId: "one" });
    await journal.close();
    const attempt = async () => {
      const readOnly = await openJournal(join(disk.readOnly, "runs.db"));
      try {
        await createFlow(calls).run({}, { journal: readOnly, runId: "two" });
      } finally {
        await readOnly.close();
      }
    };
    await expect(attempt()).rejects.toMatchObject({
      code: "JOURNAL_FAILED",
      message: expect.stringContaining("cannot be written"),
    });
    expect(calls).toEqual([]);
    const again = await openJournal(path);
    await createFlow(calls).run({}, { journal: again, runId: "two" });
    expect((await again.runs()).map(({ state }) => state)).toEqual(["done", "done"]);
    await again.close();
  });
});
