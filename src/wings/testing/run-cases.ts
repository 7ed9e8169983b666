// Administration of runs: list, cancel, prune.
import assert from "node:assert/strict";
import { ask, begin, type Case, keysOf, newRun, put, rejects } from "./subject.js";

export const runCases: readonly Case[] = [
  {
    name: "runs are listed newest first, by state, up to a limit",
    async check(driver) {
      const before = Date.now() - 60_000;
      for (const id of ["a", "b", "c", "d"]) {
        const epoch = await begin(driver, id);
        if (id !== "d") await driver.settle(id, epoch, { state: id === "b" ? "done" : "failed" });
        await new Promise((resolve) => setTimeout(resolve, 3));
      }
      const idsOf = async (filter?: Parameters<typeof driver.runs>[0]) =>
        (await driver.runs(filter)).map(({ id }) => id);
      assert.deepEqual(await idsOf(), ["d", "c", "b", "a"]);
      assert.deepEqual(await idsOf({ state: "failed" }), ["c", "a"]);
      assert.deepEqual(await idsOf({ state: "failed", limit: 1 }), ["c"]);
      assert.deepEqual(await idsOf({ limit: 2 }), ["d", "c"]);
      assert.deepEqual(await idsOf({ limit: Number.POSITIVE_INFINITY, state: undefined }), [
        "d",
        "c",
        "b",
        "a",
      ]);
      assert.deepEqual(await idsOf({ state: "cancelled" }), []);
      for (const { createdAt, updatedAt } of await driver.runs()) {
        assert.ok(
          createdAt > before && updatedAt >= createdAt && updatedAt < before + 3_600_000,
          "times are ms",
        );
        assert.ok(Number.isInteger(createdAt));
      }
    },
  },
  {
    name: "the owner sees a cancel, which stays",
    async check(driver) {
      const epoch = await begin(driver, "a");
      assert.equal(await driver.renew("a", epoch), false);
      assert.equal(await driver.cancel("a"), true);
      assert.equal(await driver.renew("a", epoch), true);
      assert.equal(await driver.cancel("a"), false);
      await driver.commit("a", epoch, [put("F/A", "1")], false);
      await driver.settle("a", epoch, { state: "done", action: "1" });
      assert.equal((await driver.run("a"))?.state, "cancelled");
      const { run } = await driver.claim("a", newRun("a"));
      assert.equal(run.state, "cancelled");
      assert.equal((await driver.run("a"))?.state, "cancelled");
    },
  },
  {
    name: "a run that is over cannot be cancelled, and any other run can",
    async check(driver) {
      for (const state of ["failed", "suspended", "drained", "aborted", "stuck", "done"] as const) {
        await driver.settle(state, await begin(driver, state), { state });
        assert.equal(await driver.cancel(state), state !== "done", state);
        assert.equal((await driver.run(state))?.state, state === "done" ? "done" : "cancelled");
      }
      assert.equal(await driver.cancel("none"), false);
    },
  },
  {
    name: "a prune deletes runs that are over, old enough and unclaimed, with all their entries",
    async check(driver) {
      for (const state of ["done", "cancelled", "failed", "suspended"] as const) {
        const epoch = await begin(driver, state);
        const changes = Array.from({ length: 50 }, (_, item) => put("F/A", "1", { item: String(item) }));
        await driver.commit(state, epoch, [...changes, ask(`t ${state}`, "F/A")], false);
        await driver.settle(state, epoch, { state });
      }
      await driver.settle("owned", await begin(driver, "owned"), { state: "done" });
      const { epoch } = await driver.claim("owned", undefined);
      await begin(driver, "running");
      assert.equal(await driver.prune(60_000), 0);
      assert.equal((await driver.runs()).length, 6);
      assert.equal(await driver.prune(0), 2);
      const ids = (await driver.runs()).map(({ id }) => id).sort();
      assert.deepEqual(ids, ["failed", "owned", "running", "suspended"]);
      assert.deepEqual(await keysOf(driver, "done"), []);
      assert.equal((await keysOf(driver, "failed")).length, 50);
      const tokens = (await driver.questions()).map(({ token }) => token).sort();
      assert.deepEqual(tokens, ["t failed", "t suspended"]);
      assert.equal(await driver.answer("t done", "1"), "unknown");
      await driver.settle("owned", epoch, { state: "done" });
      assert.equal(await driver.prune(0), 1);
      const again = await driver.claim("done", newRun("done"));
      assert.equal(again.isNew, true);
      assert.deepEqual(await keysOf(driver, "done"), []);
    },
  },
  {
    name: "the next process finds what was kept",
    async check(driver, { subject }) {
      if (subject.another === undefined) return;
      const epoch = await begin(driver, "a");
      await driver.commit("a", epoch, [put("F/A", "1", { hash: "h" }), ask("t", "F/B")], true);
      await driver.settle("a", epoch, { state: "failed", error: "no" });
      const other = await subject.another();
      try {
        const claim = await other.claim("a", newRun("a"));
        assert.deepEqual([claim.isNew, claim.run.state, claim.run.error], [false, "failed", "no"]);
        const [entry] = await other.load("a", ["result"]);
        assert.deepEqual({ ...entry }, { kind: "result", key: "F/A", item: "", hash: "h", value: "1" });
        assert.equal(await other.answer("t", "1"), "answered");
        assert.equal(await driver.answer("t", "2"), "already");
        await other.settle("a", claim.epoch, { state: "done" });
        assert.equal((await driver.run("a"))?.state, "done");
        await rejects(
          () => driver.commit("a", epoch, [], false),
          "RUN_LOST",
          "a commit of the first process",
        );
      } finally {
        await other.close();
      }
    },
  },
];
