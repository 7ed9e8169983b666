// Questions to people: each asked once, answered once, never lost.
import assert from "node:assert/strict";
import type { Change, JournalDriver } from "sluice/journal";
import { ask, begin, type Case, turns } from "./subject.js";

type AskChange = Extract<Change, { readonly ask: unknown }>;

const tokensOf = async (driver: JournalDriver, id?: string): Promise<string[]> =>
  (await driver.questions(id)).map(({ token }) => token).sort();

export const questionCases: readonly Case[] = [
  {
    name: "a question is answered once, and its answer stays",
    async check(driver) {
      const epoch = await begin(driver, "a");
      const changes: Change[] = [ask("t1", "F/A"), ask("t2", "F/A", 1), ask("t3", "F/B")];
      await driver.commit("a", epoch, changes, false);
      await driver.commit("b", await begin(driver, "b"), [ask("t4", "F/A")], false);
      assert.equal(await driver.answer("t1", '"yes"'), "answered");
      assert.equal(await driver.answer("t1", '"no"'), "already");
      assert.equal(await driver.answer("none", '"no"'), "unknown");
      const answers = (await driver.questions("a")).map(({ token, key, nth, answer }) => [
        token,
        key,
        nth,
        answer,
      ]);
      assert.deepEqual(answers.sort(), [
        ["t1", "F/A", 0, '"yes"'],
        ["t2", "F/A", 1, null],
        ["t3", "F/B", 0, null],
      ]);
      assert.deepEqual(await tokensOf(driver), ["t1", "t2", "t3", "t4"]);
      assert.deepEqual(await tokensOf(driver, "none"), []);
    },
  },
  {
    name: "a question keeps the JSON Schema of its answer, if it has one",
    async check(driver) {
      const epoch = await begin(driver, "a");
      const schema = JSON.stringify({ type: "string", title: "caf\u00e9 \ud83d\ude00 \u0000" });
      const [plain, typed] = [ask("plain", "F/A"), ask("typed", "F/B")] as [AskChange, AskChange];
      await driver.commit("a", epoch, [plain, { ask: { ...typed.ask, schema } }], false);
      const rows = new Map((await driver.questions("a")).map((row) => [row.token, row.schema ?? null]));
      assert.deepEqual([rows.get("plain"), rows.get("typed")], [null, schema]);
    },
  },
  {
    name: "a question that is rewritten keeps its answer",
    async check(driver) {
      const epoch = await begin(driver, "a");
      await driver.commit("a", epoch, [ask("t", "F/A")], false);
      await driver.answer("t", "1");
      await driver.commit("a", epoch, [ask("t", "F/A")], true);
      assert.equal((await driver.questions("a"))[0]?.answer, "1");
    },
  },
  {
    name: "an expired question accepts no answer",
    async check(driver) {
      const epoch = await begin(driver, "a");
      const [past, future] = [Date.now() - 60_000, Date.now() + 60_000];
      await driver.commit("a", epoch, [ask("past", "F/A", 0, past), ask("future", "F/B", 0, future)], false);
      assert.equal(await driver.answer("past", "1"), "expired");
      assert.equal(await driver.answer("future", "1"), "answered");
      const rows = new Map((await driver.questions("a")).map((row) => [row.token, row]));
      assert.deepEqual([rows.get("past")?.answer, rows.get("past")?.expiresAt], [null, past]);
      assert.deepEqual([rows.get("future")?.answer, rows.get("future")?.expiresAt], ["1", future]);
    },
  },
  {
    name: "a drop and a sweep withdraw the questions at and under their key",
    async check(driver) {
      const epoch = await begin(driver, "a");
      const keys = ["F/A", "F/A/B", "F/A[3]", "F/A|C", "F/A!2", "F/A#2", "F/AB", "F"];
      const others = await begin(driver, "b");
      for (const way of ["drop", "sweep"]) {
        await driver.commit(
          "a",
          epoch,
          keys.map((key) => ask(`${way} ${key}`, key)),
          false,
        );
        await driver.commit("b", others, [ask(`${way} other`, "F/A")], false);
        if (way === "drop") await driver.commit("a", epoch, [{ drop: "F/A" }], false);
        else await driver.sweep("a", "F/A", 100);
        assert.deepEqual(await tokensOf(driver, "a"), [`${way} F`, `${way} F/A#2`, `${way} F/AB`]);
        assert.equal(await driver.answer(`${way} F/A[3]`, "1"), "unknown");
        assert.equal(await driver.answer(`${way} other`, "1"), "answered");
        await driver.commit("a", epoch, [{ drop: "F" }, { drop: "F/A#2" }, { drop: "F/AB" }], false);
      }
    },
  },
  {
    name: "a run with an answer that no call has taken is not suspended",
    async check(driver) {
      const epoch = await begin(driver, "a");
      await driver.commit("a", epoch, [ask("t1", "F/A"), ask("t2", "F/B")], false);
      await driver.answer("t1", "1");
      assert.equal(await driver.settle("a", epoch, { state: "suspended", error: "x" }), false);
      const run = await driver.run("a");
      assert.deepEqual([run?.state, run?.isOwned, run?.error], ["running", true, null]);
      await driver.commit("a", epoch, [{ take: "t1" }], false);
      assert.equal(await driver.settle("a", epoch, { state: "suspended" }), true);
      assert.equal((await driver.run("a"))?.state, "suspended");
      assert.equal(await driver.answer("t2", "2"), "answered");
      assert.equal((await driver.run("a"))?.state, "suspended");
      const again = await begin(driver, "a");
      assert.equal((await driver.questions("a")).find(({ token }) => token === "t2")?.answer, "2");
      assert.equal(
        await driver.settle("a", again, { state: "failed" }),
        true,
        "only `suspended` looks for answers",
      );
    },
  },
  {
    name: "an answer that does not fit reopens its question",
    async check(driver) {
      const epoch = await begin(driver, "a");
      await driver.commit("a", epoch, [ask("t", "F/A")], false);
      await driver.answer("t", "1");
      await driver.commit("a", epoch, [{ take: "t" }, { reopen: "t" }], false);
      assert.equal((await driver.questions("a"))[0]?.answer, null);
      assert.equal(await driver.settle("a", epoch, { state: "suspended" }), true);
      const again = await begin(driver, "a");
      assert.equal(await driver.answer("t", "2"), "answered");
      assert.equal(await driver.settle("a", again, { state: "suspended" }), false, "the new answer is seen");
      await driver.commit("a", again, [{ take: "t" }], false);
      assert.equal(await driver.settle("a", again, { state: "suspended" }), true);
    },
  },
  {
    name: "an answer that arrives while its run is suspending is not lost",
    async check(driver, { races, subject }) {
      const person = (await subject.another?.()) ?? driver;
      try {
        for (let race = 0; race < races; race++) {
          const [id, token] = [`run ${race}`, `t${race}`];
          const epoch = await begin(driver, id);
          await driver.commit(id, epoch, [ask(token, "F/A")], false);
          const answering = turns(race % 3).then(async () => {
            assert.equal(await person.answer(token, "1"), "answered");
            return (await person.run(id))?.state;
          });
          const settled = await driver.settle(id, epoch, { state: "suspended" });
          const seen = await answering;
          // The answer was there before the run was suspended, so its owner must have got it.
          if (seen === "running") assert.equal(settled, false, `race ${race}: the answer was lost`);
          assert.equal((await driver.run(id))?.state, settled ? "suspended" : "running");
          assert.equal((await driver.questions(id))[0]?.answer, "1");
        }
      } finally {
        if (person !== driver) await person.close();
      }
    },
  },
];
