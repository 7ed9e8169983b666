// What the page says of the time of a run: its critical path, the queues at its gates, and a run beside another.
import { describe, expect, test } from "vitest";
import { compareRuns, difference } from "../../src/view/model/compare.js";
import { criticalPath } from "../../src/view/model/critical-path.js";
import { queuesOf } from "../../src/view/model/gate-queue.js";
import type { RunModel } from "../../src/view/model/run-model.js";
import { titleOf } from "../../src/view/model/span.js";
import { duration } from "../../src/view/model/words.js";
import { type HandTrace, runOf } from "../support/hand-trace.js";

type Parts = HandTrace["parts"];
const step = (id: number, name: string, from: number, to: number) =>
  ({ kind: "step", id, parent: 1, path: ["Main", name], from, to }) as const;
const item = (id: number, from: number, to: number, outcome = "done") =>
  ({ kind: "item", id, parent: 3, path: ["Main", "Work", id], from, to, outcome }) as const;

describe("the critical path", () => {
  const piecesOf = (run: RunModel) =>
    criticalPath(run).pieces.map(({ span, start, end }) => [titleOf(span), start, end]);

  test("leads from the end backwards, each time to what ended last before", () => {
    // Two at once: 11 ended last, and began when 10 ended; 12 and 13 went on beside them.
    const items: Parts = [item(10, 12, 40), item(12, 12, 30), item(13, 30, 70), item(11, 40, 80)];
    const run = runOf({
      parts: [step(2, "First", 0, 10), step(3, "Work", 10, 85), step(4, "Last", 85, 90), ...items],
      end: 100,
    });
    expect(piecesOf(run)).toEqual([
      ["First", 0, 10],
      ["Work", 10, 12],
      ["Work [10]", 12, 40],
      ["Work [11]", 40, 80],
      ["Work", 80, 85],
      ["Last", 85, 90],
      ["Main", 90, 100],
    ]);
    const shares = criticalPath(run).shares.map(({ node, time }) => [node.name, time]);
    expect(shares).toEqual([
      ["Work", 75],
      ["First", 10],
      ["Main", 10],
      ["Last", 5],
    ]);
  });

  test("has no gap and no overlap, whatever overlaps in the run", () => {
    // A generator of numbers that is the same each time.
    let seed = 7;
    const random = (most: number) => (seed = (seed * 48_271) % 2_147_483_647) % most;
    for (let round = 0; round < 50; round++) {
      const items = Array.from({ length: 30 }, (_, i) => {
        const from = 5 + random(80);
        return item(10 + i, from, from + 1 + random(94 - from));
      });
      const run = runOf({ parts: [step(3, "Work", 5, 95), ...items], end: 100 });
      const { pieces, shares } = criticalPath(run);
      expect(pieces[0]?.start).toBe(0);
      expect(pieces.at(-1)?.end).toBe(100);
      for (const [i, { start, end }] of pieces.entries()) {
        expect(end).toBeGreaterThan(start);
        if (i > 0) expect(start).toBe(pieces[i - 1]?.end);
      }
      expect(shares.reduce((sum, { time }) => sum + time, 0)).toBe(100);
    }
  });

  test("of items that end at once takes the one that began first", () => {
    const run = runOf({ parts: [step(3, "Work", 0, 50), item(10, 20, 50), item(11, 5, 50)], end: 50 });
    expect(piecesOf(run)).toEqual([
      ["Work", 0, 5],
      ["Work [11]", 5, 50],
    ]);
  });

  test("goes through flows in attempts, and says what was waited", () => {
    const attempt = (id: number, from: number, to: number, outcome: string) =>
      ({ kind: "attempt", id, parent: 3, path: ["Main", "Inner"], from, to, outcome }) as const;
    const leaf = (id: number, parent: number, from: number, to: number) =>
      ({ kind: "step", id, parent, path: ["Main", "Inner", "Leaf"], from, to }) as const;
    const run = runOf({
      parts: [
        step(3, "Inner", 0, 100),
        attempt(4, 0, 30, "failed"),
        leaf(5, 4, 0, 30),
        attempt(6, 50, 100, "done"),
        leaf(7, 6, 50, 100),
      ],
      more: [
        { type: "gate", phase: "waiting", gate: "vendor", parent: 7, at: 60 },
        { type: "gate", phase: "entered", gate: "vendor", parent: 7, at: 85 },
      ],
      end: 100,
    });
    expect(piecesOf(run)).toEqual([
      ["Leaf", 0, 30],
      ["Inner", 30, 50],
      ["Leaf", 50, 100],
    ]);
    expect(criticalPath(run).shares[0]).toMatchObject({ time: 80, gate: 25, backoff: 0 });
  });

  test("is found for flows that are nested very deeply, and for a run that was cut off", () => {
    const parts = Array.from({ length: 20_000 }, (_, i) => {
      return {
        kind: "step",
        id: i + 2,
        parent: i + 1,
        path: ["Main", "Deep"],
        from: i,
        to: 50_000 - i,
      } as const;
    });
    expect(criticalPath(runOf({ parts, end: 50_001 })).pieces.length).toBe(40_000);
    const { to, ...open } = step(2, "First", 5, 9);
    expect(piecesOf(runOf({ parts: [open, step(4, "Late", 7, to)] }))).toEqual([
      ["Main", 0, 5],
      ["First", 5, 9],
    ]);
  });
});

describe("the queue at a gate", () => {
  const wait = (gate: string, parent: number, from: number, to?: number) => [
    { type: "gate", phase: "waiting", gate, parent, at: from },
    ...(to === undefined ? [] : [{ type: "gate", phase: "entered", gate, parent, at: to }]),
  ];
  const parts: Parts = [step(3, "Work", 0, 100), item(10, 0, 90), item(11, 0, 90), item(12, 0, 90)];

  test("is as long as calls waited at once, over the time of the run", () => {
    const more = [...wait("a", 10, 10, 50), ...wait("a", 11, 20, 30), ...wait("b", 12, 60, 60)];
    const [a, b] = queuesOf(runOf({ parts, more, end: 100 }), 10);
    expect(a).toEqual({
      gate: "a",
      waits: 2,
      waited: 50,
      longest: 40,
      most: 2,
      mostAt: 20,
      columns: [0, 1, 2, 1, 1, 0, 0, 0, 0, 0],
    });
    expect(b).toMatchObject({ gate: "b", waits: 1, waited: 0, most: 0 });
  });

  test("is not longer where one call enters when the next comes, and has those that still wait", () => {
    const more = [...wait("a", 10, 10, 40), ...wait("a", 11, 40, 70)];
    expect(queuesOf(runOf({ parts, more, end: 100 }), 4)[0]).toMatchObject({
      most: 1,
      columns: [1, 1, 1, 0],
    });
    const open = runOf({ parts: parts.map(({ to, ...part }) => part), more: wait("a", 10, 10), end: 40 });
    expect(queuesOf(open, 4)[0]).toMatchObject({
      waited: 30,
      columns: [0, 1, 1, 1],
    });
    expect(queuesOf(runOf({ parts, end: 100 }), 4)).toEqual([]);
  });
});

describe("two runs side by side", () => {
  const usage = (parent: number, tokens: number) => ({ type: "usage", parent, at: 15, calls: 1, tokens });
  const one = runOf({
    parts: [step(2, "First", 0, 10), step(3, "Work", 10, 90), item(10, 10, 40), item(11, 10, 90, "failed")],
    more: [usage(10, 50)],
    end: 100,
  });
  const other = runOf({
    parts: [step(3, "Work", 0, 40), item(10, 0, 20), step(4, "Extra", 40, 45)],
    more: [usage(10, 20)],
    end: 50,
  });

  test("have the figures of each node, the largest difference of time first", () => {
    const compared = compareRuns(one, other);
    expect(compared.map(({ name }) => name)).toEqual(["Main", "Work", "First", "Extra"]);
    expect(compared[0]).toMatchObject({
      one: { count: 1, total: 100, failed: 1, tokens: 50 },
      other: { count: 1, total: 50, failed: 0, tokens: 20 },
    });
    expect(compared[1]).toMatchObject({
      one: { count: 2, areItems: true, total: 80, median: 80, failed: 1, tokens: 50 },
      other: { count: 1, areItems: true, total: 40, median: 20, failed: 0, tokens: 20 },
    });
    expect(compared[2]).toMatchObject({ one: { count: 1, total: 10 }, other: undefined });
    expect(compared[3]).toMatchObject({ one: undefined, other: { count: 1, total: 5 } });
  });

  test.each([
    [10, 10, "same"],
    [150, 100, "+50.0 ms (+50 %)"],
    [75, 100, "−25.0 ms (−25 %)"],
    [5, 0, "+5.00 ms"],
  ])("%d beside %d is %s", (a, b, words) => {
    expect(difference(a, b, duration)).toBe(words);
  });
});
