// Ownership of a run: claims, their epochs, and late writes.
import assert from "node:assert/strict";
import type { Change, RunState } from "sluice/journal";
import { ask, begin, type Case, newRun, put, rejects } from "./subject.js";

export const claimCases: readonly Case[] = [
  {
    name: "a claim makes a run once, and gives it as it was before the claim",
    async check(driver) {
      const made = { ...newRun("a"), version: "2", params: '{"n":1}' };
      const first = await driver.claim("a", made);
      assert.equal(first.isNew, true);
      const { id, flow, version, graph, params, input, state, claims, isOwned } = first.run;
      assert.deepEqual({ id, flow, version, graph, params, input }, made);
      assert.deepEqual({ state, claims, isOwned }, { state: "running", claims: 0, isOwned: false });
      await driver.settle("a", first.epoch, { state: "failed", error: "no" });
      const second = await driver.claim("a", { ...newRun("a"), flow: "Other", params: "[]", input: "x" });
      assert.equal(second.isNew, false);
      assert.deepEqual([second.run.flow, second.run.params, second.run.input], ["Main", '{"n":1}', "input"]);
      assert.deepEqual([second.run.state, second.run.error], ["failed", "no"]);
    },
  },
  {
    name: "a claim creates an unknown run only if it may",
    async check(driver) {
      await rejects(() => driver.claim("none", undefined), "RUN_UNKNOWN", "a claim of an unknown run");
      assert.equal(await driver.run("none"), undefined);
      const { epoch } = await driver.claim("none", newRun("none"));
      await driver.settle("none", epoch, { state: "failed" });
      assert.equal((await driver.claim("none", undefined)).isNew, false);
    },
  },
  {
    name: "a run has one owner at a time",
    async check(driver) {
      const epoch = await begin(driver, "a");
      await rejects(() => driver.claim("a", newRun("a")), "RUN_IN_USE", "a second claim");
      assert.equal((await driver.run("a"))?.isOwned, true);
      assert.equal((await driver.runs())[0]?.isOwned, true);
      await driver.settle("a", epoch, { state: "failed" });
      assert.equal((await driver.run("a"))?.isOwned, false);
      await begin(driver, "b");
      await begin(driver, "a");
    },
  },
  {
    name: "of many concurrent claims of a run one succeeds",
    async check(driver) {
      const claims = Array.from({ length: 10 }, async () => driver.claim("a", newRun("a")));
      const outcomes = await Promise.allSettled(claims);
      assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") assert.equal(outcome.reason.code, "RUN_IN_USE");
      }
      const others = await Promise.all(["b", "c", "d", "e"].map(async (id) => begin(driver, id)));
      assert.equal(others.length, 4);
    },
  },
  {
    name: "each claim has a higher epoch, and the owner of an earlier one writes nothing",
    async check(driver) {
      const old = await begin(driver, "a");
      await driver.commit("a", old, [put("F/A", "1")], false);
      await driver.settle("a", old, { state: "failed" });
      const now = await begin(driver, "a");
      assert.ok(now > old, `expected an epoch above ${old}, got ${now}`);
      await rejects(() => driver.commit("a", old, [put("F/A", "2")], false), "RUN_LOST", "a commit");
      await rejects(() => driver.commit("a", old, [{ drop: "F" }], true), "RUN_LOST", "a durable commit");
      await rejects(() => driver.settle("a", old, { state: "done" }), "RUN_LOST", "a settlement");
      await rejects(() => driver.renew("a", old), "RUN_LOST", "a renewal");
      assert.equal(await driver.get("a", "result", "F/A", ""), "1");
      assert.deepEqual([(await driver.run("a"))?.state, await driver.renew("a", now)], ["running", false]);
    },
  },
  {
    name: "a claim that has ended writes nothing",
    async check(driver) {
      const epoch = await begin(driver, "a");
      await driver.settle("a", epoch, { state: "aborted" });
      await rejects(() => driver.commit("a", epoch, [put("F/A", "1")], false), "RUN_LOST", "a commit");
      await rejects(() => driver.settle("a", epoch, { state: "done" }), "RUN_LOST", "a second settlement");
      assert.equal(await driver.get("a", "result", "F/A", ""), undefined);
      assert.equal((await driver.run("a"))?.state, "aborted");
      await rejects(() => driver.commit("none", 1, [put("F/A", "1")], false), "RUN_LOST", "of no run");
    },
  },
  {
    name: "claims are counted until one of them yields a result or a question",
    async check(driver) {
      const claims: (number | undefined)[] = [];
      for (let time = 0; time < 3; time++) {
        const { epoch, run } = await driver.claim("a", newRun("a"));
        claims.push(run.claims);
        await driver.settle("a", epoch, { state: "failed" });
      }
      assert.deepEqual([...claims, (await driver.run("a"))?.claims], [0, 1, 2, 3]);
      const writes: readonly (readonly [change: Change, claims: number])[] = [
        [{ progress: { steps: 1, calls: 1, tokens: 1 } }, 4],
        [{ take: "t" }, 5],
        [{ delete: { kind: "result", key: "F/A", item: "" } }, 6],
        [{ drop: "F" }, 7],
        [put("F/A", "1"), 0],
        [{ reopen: "t" }, 1],
        [ask("t", "F/A"), 0],
      ];
      for (const [change, expected] of writes) {
        const epoch = await begin(driver, "a");
        await driver.commit("a", epoch, [change], expected % 2 === 1);
        assert.equal((await driver.run("a"))?.claims, expected, JSON.stringify(change));
        await driver.settle("a", epoch, { state: "failed" });
      }
    },
  },
  {
    name: "a run is settled with its state, action and error; the next claim resumes it, unless it is over",
    async check(driver) {
      const states: RunState[] = ["failed", "aborted", "drained", "suspended", "stuck", "done", "cancelled"];
      for (const state of states) {
        const epoch = await begin(driver, state);
        assert.equal(await driver.settle(state, epoch, { state, action: '"next"', error: "why" }), true);
        const run = await driver.run(state);
        assert.deepEqual([run?.state, run?.action, run?.error], [state, '"next"', "why"]);
        const again = await driver.claim(state, undefined);
        const isOver = state === "done" || state === "cancelled";
        assert.equal(again.run.state, state);
        assert.equal((await driver.run(state))?.state, isOver ? state : "running");
        await driver.settle(state, again.epoch, { state });
        assert.deepEqual([(await driver.run(state))?.action, (await driver.run(state))?.error], [null, null]);
      }
    },
  },
  {
    name: "another driver on the database sees the run, and cannot write it",
    async check(driver, { subject }) {
      if (subject.another === undefined) return;
      const other = await subject.another();
      try {
        const epoch = await begin(driver, "a");
        await driver.commit("a", epoch, [put("F/A", "1")], false);
        assert.equal((await other.run("a"))?.state, "running");
        assert.equal(await other.get("a", "result", "F/A", ""), "1");
        await assert.rejects(async () => other.claim("a", newRun("a")), /^SluiceError/);
        await driver.settle("a", epoch, { state: "failed" });
        assert.ok((await begin(other, "a")) > epoch);
        await rejects(() => driver.commit("a", epoch, [put("F/A", "2")], false), "RUN_LOST", "a late commit");
        assert.equal(await driver.get("a", "result", "F/A", ""), "1");
      } finally {
        await other.close();
      }
    },
  },
];
