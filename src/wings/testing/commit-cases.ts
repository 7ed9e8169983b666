// Commits: atomic, in order, and concurrent.
import assert from "node:assert/strict";
import type { Change } from "sluice/journal";
import { ask, begin, type Case, keysOf, put } from "./subject.js";

export const commitCases: readonly Case[] = [
  {
    name: "the changes of a commit are applied in order",
    async check(driver) {
      const epoch = await begin(driver, "a");
      const place = { kind: "result", key: "F/A", item: "" } as const;
      const changes: Change[] = [put("F/A", "1"), put("F/A", "2"), { delete: place }, put("F/A", "3")];
      await driver.commit("a", epoch, changes, false);
      assert.equal(await driver.get("a", "result", "F/A", ""), "3");
      await driver.commit("a", epoch, [put("F/A/B", "1"), { drop: "F/A" }, put("F/A[0]", "2")], false);
      assert.deepEqual(await keysOf(driver, "a"), ["F/A[0]"]);
      await driver.commit("a", epoch, [put("F/A", "1"), { delete: place }], true);
      assert.equal(await driver.get("a", "result", "F/A", ""), undefined);
      await driver.commit("a", epoch, [{ drop: "F/A" }, ask("t", "F/A"), put("F/A", "4")], false);
      assert.deepEqual([(await driver.questions("a")).length, await keysOf(driver, "a")], [1, ["F/A"]]);
    },
  },
  {
    name: "a commit that fails half-way changes nothing",
    async check(driver) {
      const epoch = await begin(driver, "a");
      await driver.commit("a", epoch, [put("F/A", "1"), put("F/B", "1"), ask("t", "F/A")], false);
      // No database takes this value: the changes before it must be rolled back.
      const bad = { put: { kind: "result", key: "F/D", item: "", value: {} } } as unknown as Change;
      const before: Change[] = [put("F/A", "2"), { drop: "F/B" }, { take: "t" }, put("F/C", "2")];
      for (const durable of [false, true]) {
        await assert.rejects(async () => driver.commit("a", epoch, [...before, bad], durable));
      }
      assert.deepEqual(await keysOf(driver, "a"), ["F/A", "F/B"]);
      assert.equal(await driver.get("a", "result", "F/A", ""), "1");
      await driver.commit("a", epoch, [put("F/A", "3")], false);
      assert.equal(await driver.get("a", "result", "F/A", ""), "3");
    },
  },
  {
    name: "the position of a run is kept, and a commit without one does not change it",
    async check(driver) {
      const epoch = await begin(driver, "a");
      await driver.commit("a", epoch, [{ progress: { steps: 3, calls: 4, tokens: 5.5 } }], false);
      await driver.commit("a", epoch, [put("F/A", "1")], true);
      const { steps, calls, tokens } = (await driver.run("a")) ?? {};
      assert.deepEqual({ steps, calls, tokens }, { steps: 3, calls: 4, tokens: 5.5 });
      const large = { steps: 2 ** 40, calls: 2 ** 41, tokens: 2 ** 42 };
      await driver.commit("a", epoch, [{ progress: { ...large, steps: 1 } }, { progress: large }], false);
      assert.equal((await driver.run("a"))?.steps, 2 ** 40);
    },
  },
  {
    name: "concurrent commits to many runs do not mix",
    async check(driver) {
      const ids = Array.from({ length: 8 }, (_, index) => `run ${index}`);
      const epochs = await Promise.all(ids.map(async (id) => begin(driver, id)));
      const commits = ids.flatMap((id, index) =>
        Array.from({ length: 10 }, async (_, item) => {
          const change = put("F/A", `${id} ${item}`, { item: String(item) });
          await driver.commit(id, epochs[index] as number, [change], item % 5 === 0);
        }),
      );
      await Promise.all(commits);
      for (const id of ids) {
        const gets = Array.from({ length: 11 }, async (_, item) =>
          driver.get(id, "result", "F/A", String(item)),
        );
        const expected = Array.from({ length: 10 }, (_, item) => `${id} ${item}`);
        assert.deepEqual(await Promise.all(gets), [...expected, undefined]);
      }
    },
  },
  {
    name: "a large commit is written and read back",
    async check(driver) {
      const epoch = await begin(driver, "a");
      const changes = Array.from({ length: 3_000 }, (_, item) => put("F/A", `${item}`, { item: `${item}` }));
      await driver.commit("a", epoch, changes, false);
      const loaded = await driver.load("a", ["result"]);
      assert.equal(loaded.length, 3_000);
      assert.ok(loaded.every(({ item, value }) => item === value));
    },
  },
];
