// Unusual texts in all fields.
import assert from "node:assert/strict";
import { begin, type Case, keysOf, newRun, put, sorted } from "./subject.js";

const ODD = [
  "\u0000",
  "\u0000F/A",
  "\u0001",
  "\u00010",
  "\u0001\u0000",
  "\u0002",
  "a\u0000b",
  "\ud800",
  "x\udc00y",
  "\ud83d\ude00",
  "\u0085\u2028\ufeff\uffff",
  "'\"\\`$1{},NULL",
  "NULL",
  "null",
  "{}",
  "%_",
  "e\u0301",
  "\u00e9",
  " ",
  "\n",
  "A",
  "a",
];

export const textCases: readonly Case[] = [
  {
    name: "odd texts are returned unchanged as values, items, hashes and keys",
    async check(driver) {
      const epoch = await begin(driver, "a");
      const entries = ODD.flatMap((text) => [
        { kind: "store" as const, key: "", item: text, hash: undefined, value: text },
        { kind: "result" as const, key: `F/${text}`, item: "", hash: text, value: `v${text}` },
      ]);
      await driver.commit(
        "a",
        epoch,
        entries.map((entry) => ({ put: entry })),
        false,
      );
      assert.deepEqual(sorted(await driver.load("a", ["store", "result"])), sorted(entries));
      for (const { kind, key, item, value } of entries)
        assert.equal(await driver.get("a", kind, key, item), value);
      const page = await driver.items("a", "store", "", undefined, 100);
      assert.deepEqual(page.map(({ item }) => item).sort(), [...ODD].sort());
      const found: string[] = [];
      for (let after: string | undefined; ; ) {
        const [next] = await driver.items("a", "store", "", after, 1);
        if (next === undefined) break;
        found.push((after = next.item));
        assert.ok(found.length <= ODD.length, "each item comes once");
      }
      assert.deepEqual(found.sort(), [...ODD].sort());
      const gone = ODD.map((item) => ({ delete: { kind: "store" as const, key: "", item } }));
      await driver.commit("a", epoch, [...gone, ...ODD.map((text) => ({ drop: `F/${text}` }))], false);
      assert.deepEqual(await keysOf(driver, "a"), []);
    },
  },
  {
    name: "odd texts are returned unchanged in the fields of runs and questions",
    async check(driver) {
      for (const text of ODD) {
        const id = `id${text}`;
        const made = { id, flow: text, version: text, graph: text, params: text, input: text };
        const { epoch } = await driver.claim(id, made);
        const asked = {
          token: `t${text}`,
          key: text,
          nth: 1,
          question: text,
          schema: text,
          path: text,
          index: 2,
          expiresAt: null,
        };
        await driver.commit(id, epoch, [{ ask: asked }], false);
        assert.equal(await driver.answer(asked.token, text), "answered");
        const [question] = await driver.questions(id);
        assert.ok(question !== undefined, `the question of ${JSON.stringify(text)} is there`);
        const { askedAt, ...rest } = question;
        assert.ok(askedAt > 0);
        assert.deepEqual(rest, { ...asked, run: id, answer: text });
        await driver.commit(id, epoch, [{ take: asked.token }], false);
        await driver.settle(id, epoch, { state: "failed", action: text, error: text });
        const run = await driver.run(id);
        assert.deepEqual({ ...run, ...made, action: text, error: text }, run);
      }
      assert.equal((await driver.runs()).length, ODD.length);
    },
  },
  {
    name: "large texts are returned unchanged",
    async check(driver) {
      const epoch = await begin(driver, "a");
      const part = Array.from({ length: 3_000 }, (_, n) => String.fromCharCode(33 + ((n * 7919) % 5_000)));
      const large = part.join("").repeat(100);
      await driver.commit("a", epoch, [put("F/A", large), put("F/B", "")], false);
      assert.equal((await driver.get("a", "result", "F/A", "")) === large, true, "300,000 characters");
      assert.equal(await driver.get("a", "result", "F/B", ""), "");
    },
  },
  {
    name: "long keys do not collide, and the entries under them are found",
    async check(driver) {
      // Without a pattern, so that a database cannot compress it.
      const noise = Array.from({ length: 4_000 }, (_, n) => ((n * n * 31 + n * 17) % 36).toString(36)).join(
        "",
      );
      const epoch = await begin(driver, "a");
      for (const length of [299, 300, 301, 3_000]) {
        const stem = `F/${noise}`.slice(0, length);
        const keys = [stem, `${stem}/A`, `${stem}[0]/B`, `${stem}#2`, `${stem}x`];
        const items = ["", `${noise}1`, `${noise}2`];
        const changes = keys.flatMap((key) =>
          items.map((item) => put(key, key + item, { item, kind: "store" })),
        );
        await driver.commit("a", epoch, changes, false);
        for (const key of keys)
          for (const item of items) assert.equal(await driver.get("a", "store", key, item), key + item);
        const page = await driver.items("a", "store", stem, undefined, 10);
        assert.deepEqual(page.map(({ item }) => item).sort(), items);
        const [last] = await driver.items("a", "store", stem, page[1]?.item, 10);
        assert.equal(last?.item, page[2]?.item);
        await driver.commit("a", epoch, [{ drop: stem }], false);
        const left = new Set((await driver.load("a", ["store"])).map(({ key }) => key));
        assert.deepEqual([...left].sort(), [`${stem}#2`, `${stem}x`]);
        await driver.sweep("a", `${stem}#2`, 100);
        await driver.commit(
          "a",
          epoch,
          [{ delete: { kind: "store", key: `${stem}x`, item: `${noise}1` } }],
          false,
        );
        assert.equal((await driver.load("a", ["store"])).length, 2);
        await driver.commit("a", epoch, [{ drop: "F" }, { drop: `${stem}x` }], false);
        assert.deepEqual(await keysOf(driver, "a"), []);
      }
    },
  },
  {
    name: "runs with similar ids are different runs",
    async check(driver) {
      const ids = ["A", "a", "a ", "é", "e\u0301", "a%", "a_", "\ud83d\ude00", "0", "00"];
      for (const id of ids) {
        assert.equal((await driver.claim(id, newRun(id))).isNew, true);
      }
      assert.deepEqual((await driver.runs()).map(({ id }) => id).sort(), [...ids].sort());
    },
  },
];
