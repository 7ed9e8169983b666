// The three ways in which a vendor counts, by a clock that is made up.
import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { makeLimit } from "../../../../src/wings/testing/vendor/limits.js";

describe("a token bucket", () => {
  test("starts full, refills with time and keeps no more than its burst", () => {
    const limit = makeLimit("bucket", 10, 1_000, 500); // 5 at once, one in 100 ms
    for (let i = 0; i < 5; i++) {
      expect(limit.wait(1, 0)).toBe(0);
      limit.take(1, 0);
    }
    expect(limit.wait(1, 0)).toBe(100);
    expect(limit.wait(2, 50)).toBe(150);
    expect(limit.wait(1, 100)).toBe(0);
    expect(limit.wait(5, 100_000)).toBe(0);
    limit.take(5, 100_000);
    expect(limit.wait(1, 100_000)).toBe(100);
  });

  test("lets more than it holds in when it is full, and then is in debt", () => {
    const limit = makeLimit("bucket", 10, 1_000, 500);
    expect(limit.wait(20, 0)).toBe(0);
    limit.take(20, 0);
    expect(limit.wait(1, 0)).toBe(1_600);
  });
});

describe("a fixed window", () => {
  test("counts anew with each period since the first request", () => {
    const limit = makeLimit("fixed", 2, 1_000, 0);
    for (const now of [500, 1_499]) {
      expect(limit.wait(1, now)).toBe(0);
      limit.take(1, now);
    }
    expect(limit.wait(1, 1_499)).toBe(1);
    expect(limit.wait(1, 1_500)).toBe(0);
    limit.take(2, 1_500);
    expect(limit.wait(1, 1_600)).toBe(900);
    expect(limit.wait(2, 9_999)).toBe(0);
  });

  test("an amount settled in a later period changes nothing there", () => {
    const limit = makeLimit("fixed", 10, 1_000, 0);
    limit.wait(8, 0);
    const settle = limit.take(8, 0);
    limit.wait(1, 1_000);
    settle(2);
    expect(limit.wait(10, 1_000)).toBe(0);
    limit.take(10, 1_000);
    expect(limit.wait(1, 1_000)).toBe(1_000);
  });
});

describe("a sliding window", () => {
  test("frees each amount a period after it was taken", () => {
    const limit = makeLimit("sliding", 3, 1_000, 0);
    for (const now of [0, 400, 800]) {
      expect(limit.wait(1, now)).toBe(0);
      limit.take(1, now);
    }
    expect(limit.wait(1, 900)).toBe(100);
    expect(limit.wait(2, 900)).toBe(500);
    expect(limit.wait(9, 900)).toBe(900);
    expect(limit.wait(1, 1_000)).toBe(0);
  });

  test("an amount is settled where it stands", () => {
    const limit = makeLimit("sliding", 10, 1_000, 0);
    const settle = limit.take(8, 0);
    expect(limit.wait(5, 500)).toBe(500);
    settle(2);
    expect(limit.wait(5, 500)).toBe(0);
  });
});

const steps = fc.array(
  fc.record({ pass: fc.integer({ min: 0, max: 700 }), amount: fc.integer({ min: 1, max: 4 }) }),
);

property.prop([steps])("no period of a sliding window has more than its limit", (list) => {
  const limit = makeLimit("sliding", 5, 1_000, 0);
  const taken: { at: number; amount: number }[] = [];
  let now = 0;
  for (const { pass, amount } of list) {
    now += pass;
    const wait = limit.wait(amount, now);
    const used = taken.filter(({ at }) => at > now - 1_000).reduce((sum, each) => sum + each.amount, 0);
    expect(wait === 0).toBe(used + amount <= 5);
    now += wait;
    expect(limit.wait(amount, now)).toBe(0);
    limit.take(amount, now);
    taken.push({ at: now, amount });
  }
});

property.prop([fc.constantFrom("bucket", "fixed"), steps])(
  "after the wait a %s is free, and not before",
  (window, list) => {
    const limit = makeLimit(window, 5, 1_000, 1_000);
    let now = 0;
    for (const { pass, amount } of list) {
      now += pass;
      const wait = limit.wait(amount, now);
      if (wait > 1) expect(limit.wait(amount, now + wait - 1)).toBeGreaterThan(0);
      now += wait;
      expect(limit.wait(amount, now)).toBe(0);
      limit.take(amount, now);
    }
  },
);
