// A journal in PostgreSQL: the contract, claims by its clock, and a server that goes and comes. One file, and so one
// server for all tests.
import pg from "pg";
import { AsyncParallelBatchNode, Flow, node } from "sluice";
import { openJournal } from "sluice/journal";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { PostgresDriver } from "../../../src/wings/journal/drivers/postgres.js";
import { emptyJournal, noPostgres, type Server, startPostgres } from "../../support/postgres.js";
import { hold } from "./support/contract.js";

const made = { flow: "Main", version: null, graph: "g", params: "{}", input: "i" };
const numbers = (count: number) => [...Array(count).keys()];

test("a URL that is wrong shows no password", async () => {
  const wrong = [
    "postgres://u:s3cret@127.0.0.1:1/d",
    "postgres://u:s3cret@[::bad/d",
    "postgres://u:s3cret@h:port/d",
  ];
  for (const url of wrong) {
    const error: unknown = await openJournal(url).catch((reason) => reason);
    expect(error).toMatchObject({ name: "SluiceError" });
    expect(String((error as Error).stack) + JSON.stringify(error)).not.toContain("s3cret");
    expect(String((error as { cause?: unknown }).cause)).not.toContain("s3cret");
  }
}, 15_000);

describe.skipIf(noPostgres !== undefined)("a server", () => {
  let server: Server;
  let admin: pg.Pool;
  beforeAll(async () => {
    server = await startPostgres();
    admin = new pg.Pool({ connectionString: server.url });
    admin.on("error", () => {});
  });
  afterAll(async () => {
    await admin?.end();
    await server?.stop();
  });

  test("many open a new journal at once, and a newer one is refused", async () => {
    const drivers = await Promise.all(numbers(5).map(() => PostgresDriver.open(server.url)));
    for (const driver of drivers) {
      expect(driver.name).toMatch(/^postgres:\/\/tester@127\.0\.0\.1:\d+\/postgres$/);
      expect(await driver.runs()).toEqual([]);
      await driver.close();
    }
    await admin.query("UPDATE sluice.journal SET version = 99");
    await expect(openJournal(server.url)).rejects.toMatchObject({
      code: "JOURNAL_VERSION",
      message: expect.not.stringContaining("s3cret"),
    });
    // One of version 1 becomes a newer one.
    await admin.query("ALTER TABLE sluice.questions DROP COLUMN schema");
    await admin.query("UPDATE sluice.journal SET version = 1");
    await (await openJournal(server.url)).close();
    expect((await admin.query("SELECT version FROM sluice.journal")).rows).toEqual([{ version: 2 }]);
  });

  describe("the contract", () => {
    hold(async () => {
      const url = await emptyJournal(server);
      const open = () => PostgresDriver.open(url);
      return { driver: await open(), another: open, close: () => {} };
    });
  });

  describe("claims", () => {
    let one: PostgresDriver;
    let two: PostgresDriver;
    beforeEach(async () => {
      await emptyJournal(server);
      [one, two] = [await PostgresDriver.open(server.url), await PostgresDriver.open(server.url)];
      return () => Promise.all([one.close(), two.close()]);
    });
    /** Seconds that the claim of `a` still holds for. */
    const left = async () => {
      const sql = "SELECT extract(epoch FROM owned_until - clock_timestamp())::float8 AS s FROM sluice.runs";
      return (await admin.query(sql)).rows[0].s as number;
    };
    const setLeft = (seconds: number) =>
      admin.query("UPDATE sluice.runs SET owned_until = clock_timestamp() + $1::float8 * interval '1 s'", [
        seconds,
      ]);

    test("a claim holds for 10 s, and is renewed when 3 of them are gone", async () => {
      const { epoch } = await one.claim("a", { id: "a", ...made });
      expect(await left()).toBeGreaterThan(8);
      expect(await left()).toBeLessThanOrEqual(10);
      await setLeft(7.9);
      expect(await one.renew("a", epoch)).toBe(false);
      expect(await left()).toBeLessThan(7.9);
      await setLeft(6);
      await one.renew("a", epoch);
      expect(await left()).toBeGreaterThan(8);
      await setLeft(6);
      await one.commit("a", epoch, [], false);
      expect(await left()).toBeGreaterThan(8);
      await one.settle("a", epoch, { state: "failed" });
      expect(await left()).toBeNull();
    });

    test("another process takes over when a claim has run out, and the stalled one writes nothing", async () => {
      const { epoch } = await one.claim("a", { id: "a", ...made });
      await one.commit("a", epoch, [{ put: { kind: "result", key: "F", item: "", value: "1" } }], false);
      await expect(two.claim("a", undefined)).rejects.toMatchObject({ code: "RUN_IN_USE" });
      expect((await two.run("a"))?.isOwned).toBe(true);
      await setLeft(-0.001);
      expect((await two.run("a"))?.isOwned).toBe(false);
      const taken = await two.claim("a", undefined);
      expect(taken.epoch).toBe(epoch + 1);
      const late = [{ put: { kind: "result", key: "F", item: "", value: "2" } }, { drop: "F" }] as const;
      for (const [changes, durable] of [
        [late.slice(0, 1), false],
        [late, false],
        [late, true],
      ] as const) {
        await expect(one.commit("a", epoch, changes, durable)).rejects.toMatchObject({ code: "RUN_LOST" });
      }
      await expect(one.settle("a", epoch, { state: "done" })).rejects.toMatchObject({ code: "RUN_LOST" });
      await expect(one.renew("a", epoch)).rejects.toMatchObject({ code: "RUN_LOST" });
      expect(await one.sweep("a", "", 100)).toBe(false);
      expect(await two.get("a", "result", "F", "")).toBe("1");
      await two.settle("a", taken.epoch, { state: "failed" });
      expect((await one.claim("a", undefined)).epoch).toBe(epoch + 2); // the stalled process may have it again
    });

    test("an expired claim that no other process took is renewed", async () => {
      const { epoch } = await one.claim("a", { id: "a", ...made });
      await setLeft(-60);
      await one.commit("a", epoch, [], false);
      expect(await left()).toBeGreaterThan(8);
    });

    test("a commit that the database refuses half-way changes nothing", async () => {
      const { epoch } = await one.claim("a", { id: "a", ...made });
      await one.commit("a", epoch, [{ put: { kind: "result", key: "F", item: "", value: "1" } }], false);
      const asked = { token: "t", key: "F", question: "", path: "", index: null, expiresAt: null };
      const bad = { ask: { ...asked, nth: 0.5 } };
      for (const before of [
        [{ drop: "F" }],
        [{ put: { kind: "result", key: "F", item: "", value: "2" } }],
      ] as const) {
        await expect(one.commit("a", epoch, [...before, bad], false)).rejects.toThrow(/integer/);
        expect(await one.get("a", "result", "F", "")).toBe("1");
      }
    });

    test("the gets of one turn are one query", async () => {
      const { epoch } = await one.claim("a", { id: "a", ...made });
      const changes = numbers(64).map((n) => ({
        put: { kind: "result" as const, key: "F", item: String(n), value: `v${n}` },
      }));
      await one.commit("a", epoch, changes, false);
      let queries = 0;
      const pool = new pg.Pool({ connectionString: server.url });
      const query = pool.query.bind(pool);
      pool.query = ((...given: Parameters<typeof query>) => {
        queries++;
        return query(...given);
      }) as typeof pool.query;
      const driver = await PostgresDriver.open(pool as never);
      queries = 0;
      const values = await Promise.all(numbers(65).map((n) => driver.get("a", "result", "F", String(n))));
      expect(values).toEqual([...numbers(64).map((n) => `v${n}`), undefined]);
      expect(queries).toBe(1);
      await driver.close();
      await pool.end();
    });
  });

  test("a pool stays its caller's", async () => {
    const pool = new pg.Pool({ connectionString: server.url, max: 1 });
    const journal = await openJournal({ pool });
    const flow = new Flow(node({ name: "One", exec: () => 1 }), { name: "Main" });
    await flow.run({}, { journal, runId: "pool" });
    await journal.close();
    expect(pool.listenerCount("error")).toBe(0);
    expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });

  test.each(["fast", "immediate"] as const)(
    "a server that is stopped (%s) and started again in the middle of a run costs nothing",
    async (mode) => {
      const journal = await openJournal(server.url);
      const calls = new Map<number, number>();
      let restart: Promise<void> | undefined;
      class Items extends AsyncParallelBatchNode<{ sum?: number }, number, number> {
        override prep() {
          return numbers(300);
        }
        override async exec(n: number) {
          calls.set(n, (calls.get(n) ?? 0) + 1);
          if (n === 50) restart = server.halt(mode).then(server.resume);
          await new Promise((resolve) => setTimeout(resolve, 5));
          return n;
        }
        override onResult(shared: { sum?: number }, n: number) {
          shared.sum = (shared.sum ?? 0) + n;
        }
      }
      const flow = new Flow(new Items({ name: "Items", concurrency: 8 }), { name: "Main" });
      const shared: { sum?: number } = {};
      await flow.run(shared, { journal, runId: `restart ${mode}` });
      await restart;
      expect(shared.sum).toBe((299 * 300) / 2);
      expect([...calls.values()].every((count) => count === 1)).toBe(true);
      expect(await journal.run(`restart ${mode}`)).toMatchObject({ state: "done" });
      const again: { sum?: number } = {};
      await flow.run(again, { journal, runId: `restart ${mode}` });
      expect(again).toEqual(shared);
      await journal.close();
    },
  );
});
