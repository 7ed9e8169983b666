// Entries: by place, by key, in pages, and what a sweep deletes.
import assert from "node:assert/strict";
import type { EntryKind, JournalDriver } from "sluice/journal";
import { ask, begin, type Case, keysOf, put, sorted } from "./subject.js";

/** Keys at and under `F/A`, and keys that only look like it. */
const UNDER = ["F/A", "F/A/B", "F/A/B#2[3]/C", "F/A[0]", "F/A[12]/D", "F/A|B", "F/A|B#2", "F/A!2", "F/A!2/E"];
const BESIDE = [
  "F",
  "F/A#2",
  "F/A#2/B",
  "F/AB",
  "F/A%.",
  "F/A~",
  "F/A-",
  "F/A.",
  "F/A 1",
  "F/a",
  "F/B",
  "E/A",
  "G",
];

async function fill(driver: JournalDriver, id: string, keys: readonly string[]): Promise<number> {
  const epoch = await begin(driver, id);
  await driver.commit(
    id,
    epoch,
    keys.map((key) => put(key, key)),
    false,
  );
  return epoch;
}

export const entryCases: readonly Case[] = [
  {
    name: "an entry is found only by its kind, key and item",
    async check(driver) {
      const epoch = await begin(driver, "a");
      const kinds: EntryKind[] = ["result", "once", "start", "walk", "batch", "store"];
      const places = kinds.flatMap((kind) =>
        ["F/A", "F/B"].flatMap((key) => ["", "0", "1"].map((item) => ({ kind, key, item }))),
      );
      const nameOf = ({ kind, key, item }: (typeof places)[number]) => `${kind} ${key} ${item}`;
      const changes = places.map((place) => put(place.key, nameOf(place), place));
      await driver.commit("a", epoch, changes, false);
      for (const place of places)
        assert.equal(await driver.get("a", place.kind, place.key, place.item), nameOf(place));
      assert.equal(await driver.get("a", "result", "F/C", ""), undefined);
      assert.equal(await driver.get("b", "result", "F/A", ""), undefined);
      await driver.commit("a", epoch, [{ delete: { kind: "once", key: "F/A", item: "0" } }], false);
      assert.equal(await driver.get("a", "once", "F/A", "0"), undefined);
      assert.equal(await driver.get("a", "start", "F/A", "0"), "start F/A 0");
      const loaded = sorted(await driver.load("a", ["once", "store"]));
      const expected = places.filter(({ kind }) => kind === "store" || kind === "once").map(nameOf);
      assert.deepEqual(
        loaded.map(({ value }) => value).sort(),
        expected.filter((name) => name !== "once F/A 0").sort(),
      );
      assert.deepEqual(await driver.load("none", kinds), []);
    },
  },
  {
    name: "a hash is kept, and so is its absence",
    async check(driver) {
      const epoch = await begin(driver, "a");
      const changes = [put("F/A", "1", { item: "1", hash: "abc" }), put("F/A", "2", { item: "2" })];
      await driver.commit("a", epoch, changes, false);
      assert.deepEqual(sorted(await driver.load("a", ["result"])), [
        { kind: "result", key: "F/A", item: "1", hash: "abc", value: "1" },
        { kind: "result", key: "F/A", item: "2", hash: undefined, value: "2" },
      ]);
      await driver.commit("a", epoch, [put("F/A", "3", { item: "1" })], false);
      const page = await driver.items("a", "result", "F/A", undefined, 10);
      assert.deepEqual(
        page.map(({ item, hash }) => ({ item, hash })),
        [
          { item: "1", hash: undefined },
          { item: "2", hash: undefined },
        ],
      );
    },
  },
  {
    name: "a drop deletes the entries at and under a key, of its run only",
    async check(driver) {
      const epoch = await fill(driver, "a", [...UNDER, ...BESIDE]);
      await fill(driver, "b", UNDER);
      await driver.commit("a", epoch, [put("F/A", "store", { kind: "store", item: "x" })], false);
      await driver.commit("a", epoch, [{ drop: "F/A" }], false);
      assert.deepEqual(await keysOf(driver, "a"), [...BESIDE].sort());
      assert.deepEqual(await keysOf(driver, "b"), [...UNDER].sort());
      await driver.commit("a", epoch, [{ drop: "F" }], true);
      assert.deepEqual(await keysOf(driver, "a"), ["E/A", "G"]);
    },
  },
  {
    name: "a sweep deletes the entries at and under a key, in slices",
    async check(driver) {
      await fill(driver, "a", [...UNDER, ...BESIDE]);
      await fill(driver, "b", UNDER);
      let slices = 1;
      for (let before = UNDER.length; await driver.sweep("a", "F/A", 2); slices++) {
        const left = (await keysOf(driver, "a")).length - BESIDE.length;
        assert.ok(left < before, "a slice deletes something");
        assert.ok(before - left <= 2, "a slice deletes no more than its limit");
        before = left;
        assert.ok(slices < 20, "a sweep ends");
      }
      assert.ok(slices >= UNDER.length / 2);
      assert.deepEqual(await keysOf(driver, "a"), [...BESIDE].sort());
      assert.deepEqual(await keysOf(driver, "b"), [...UNDER].sort());
    },
  },
  {
    name: "a full sweep keeps the store of the run and deletes its questions",
    async check(driver) {
      const epoch = await fill(driver, "a", UNDER);
      const store = [
        put("", "1", { kind: "store", item: "x" }),
        put("F/A[0]", "2", { kind: "store", item: "y" }),
      ];
      await driver.commit("a", epoch, [...store, ask("t", "F/A")], false);
      await driver.settle("a", epoch, { state: "done" });
      for (let slices = 0; await driver.sweep("a", "", 3); slices++) assert.ok(slices < 20, "a sweep ends");
      assert.deepEqual(await keysOf(driver, "a"), [" x"]);
      assert.deepEqual(await driver.questions("a"), []);
    },
  },
  {
    name: "the items of a site come in pages, each once",
    async check(driver) {
      const epoch = await begin(driver, "a");
      const all = Array.from({ length: 250 }, (_, item) => String(item));
      const changes = all.map((item) => put("F/A", "", { item, hash: `hash of ${item}` }));
      const others = [
        put("F/A", "", { item: "1000", kind: "start" }),
        put("F/A#2", "", { item: "1001" }),
        put("F/A[0]", "", { item: "1002" }),
      ];
      await driver.commit("a", epoch, [...changes.reverse(), ...others], false);
      for (const limit of [1_000, 250, 100, 7]) {
        const found: string[] = [];
        for (let after: string | undefined; ; ) {
          const page = await driver.items("a", "result", "F/A", after, limit);
          assert.ok(page.length <= limit, "a page has its limit at most");
          found.push(...page.map(({ item }) => item));
          assert.ok(found.length <= all.length, "each item comes once");
          for (const { item, hash } of page) assert.equal(hash, `hash of ${item}`);
          if (page.length < limit) break;
          after = page.at(-1)?.item;
        }
        assert.deepEqual(found.sort(), [...all].sort());
      }
      assert.deepEqual(await driver.items("a", "result", "F/B", undefined, 10), []);
    },
  },
];
