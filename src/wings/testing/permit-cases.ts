// Permits of a shared limit: buckets, debts, returned permits, and pauses.
import assert from "node:assert/strict";
import { type LimitCase, near, ready, refill, slow } from "./limit-subject.js";

export const permitCases: readonly LimitCase[] = [
  {
    name: "a place without state grants nothing for a second, and its buckets begin empty",
    async check(options) {
      const limits = { slots: 4, requests: { perMs: 0.01, capacity: 1_000 }, tokens: slow(100) };
      const member = options.member(limits);
      const first = await member.ask({ calls: [1], wanted: 1, ready: 0 });
      assert.notEqual(first.epoch, "");
      assert.deepEqual([first.calls, first.slots, first.pause], [0, 0, 0]);
      assert.ok(first.wait > 500 && first.wait <= 1_000, `a wait of up to a second, got ${first.wait}`);
      await options.pass(first.wait + 20);
      const { levels, wait, epoch } = await member.ask();
      assert.deepEqual([wait, epoch], [0, first.epoch]);
      assert.ok(levels.requests >= 10 && levels.requests < 500, `empty at first, now ${levels.requests}`);
      assert.ok(levels.tokens < 5, `empty at first, now ${levels.tokens}`);
    },
  },
  {
    name: "calls are granted in order while the buckets have what they cost",
    async check(options) {
      const limits = { requests: slow(3), tokens: slow(100) };
      const member = await ready(options, limits);
      const few = await member.ask({ calls: [10, 20, 5, 5] });
      assert.deepEqual([few.calls, few.wait], [3, 0]);
      near(few.levels.requests, 0, 0.9, "requests");
      near(few.levels.tokens, 65, 2, "tokens");
      await refill(member, limits);
      const dear = await member.ask({ calls: [60, 50, 1] });
      assert.deepEqual([dear.calls, dear.wait], [1, 0]);
      near(dear.levels.tokens, 40, 2, "tokens");
    },
  },
  {
    name: "all gates spend from the same buckets",
    async check(options) {
      const limits = { requests: slow(3), tokens: slow(100) };
      const one = await ready(options, limits);
      const other = await options.foreign(limits);
      assert.equal((await other.ask({ calls: [10, 10] })).calls, 2);
      assert.equal((await one.ask({ calls: [10, 10] })).calls, 1);
      const third = await other.ask({ calls: [10] });
      assert.ok(third.calls === 1 && third.wait > 0, "the fourth call waits");
    },
  },
  {
    name: "a first call that does not fit is granted alone, as a debt, and waits until the debt is paid",
    async check(options) {
      const limits = { tokens: { perMs: 0.01, capacity: 100 } };
      const one = await ready(options, limits);
      const dear = await one.ask({ calls: [400, 1] });
      assert.equal(dear.calls, 1);
      near(dear.wait, 30_000, 2_000, "the wait for 300 tokens");
      const other = await options.foreign(limits);
      const behind = await other.ask({ calls: [0] });
      assert.equal(behind.calls, 1);
      near(behind.wait, dear.wait, 2_000, "the wait behind a debt");
      const last = await other.ask({ calls: [50], back: { requests: 1, tokens: 0 } });
      near(last.wait, dear.wait + 5_000, 2_000, "the wait of the next debt");
    },
  },
  {
    name: "a call waits for a debt of requests too",
    async check(options) {
      const member = await ready(options, { requests: { perMs: 0.001, capacity: 1 } });
      assert.deepEqual([(await member.ask({ calls: [0, 0] })).calls], [1]);
      const { calls, wait } = await member.ask({ calls: [0, 0] });
      assert.equal(calls, 1);
      assert.ok(wait > 0 && wait <= 1_000, `up to a second, got ${wait}`);
    },
  },
  {
    name: "buckets refill up to their capacity, and returned permits do not exceed it",
    async check(options) {
      const limits = { requests: { perMs: 0.02, capacity: 5 } };
      const member = await ready(options, limits);
      assert.equal((await member.ask()).levels.requests, 5);
      assert.equal((await member.ask({ calls: [0, 0, 0, 0] })).calls, 4);
      await options.pass(120);
      assert.ok((await member.ask()).levels.requests >= 3, "two came in");
      await options.pass(400);
      assert.equal((await member.ask()).levels.requests, 5);
    },
  },
  {
    name: "returned permits are granted again, and a cost beyond the reservation delays other calls",
    async check(options) {
      const limits = { requests: slow(4), tokens: slow(100) };
      const one = await ready(options, limits);
      const other = await options.foreign(limits);
      await other.ask();
      await one.ask({ calls: [50, 50] });
      assert.equal((await other.ask({ back: { requests: 0, tokens: 0 }, calls: [] })).calls, 0);
      await one.ask({ back: { requests: 1, tokens: 50 } });
      const again = await other.ask({ calls: [50] });
      assert.deepEqual([again.calls, again.wait], [1, 0]);
      await one.ask({ back: { requests: 0, tokens: -40 } });
      const { levels } = await other.ask();
      near(levels.tokens, -40, 2, "the debt");
      near(levels.requests, 2, 0.5, "requests are no part of it");
    },
  },
  {
    name: "permits returned from an earlier epoch are not granted again; a debt from it counts",
    async check(options) {
      const member = await ready(options, { requests: slow(9), tokens: slow(100) });
      await member.ask({ calls: [50, 50] });
      const { epoch } = member;
      await member.raw({ epoch: "earlier", back: { requests: 2, tokens: 100 } });
      near((await member.ask()).levels.tokens, 0, 2, "tokens");
      await member.raw({ epoch: "earlier", back: { requests: 0, tokens: -30 } });
      near((await member.ask()).levels.tokens, -30, 2, "tokens");
      assert.equal(member.epoch, epoch);
    },
  },
  {
    name: "a pause applies to all gates, empties the buckets, and is never shortened",
    async check(options) {
      const limits = { requests: slow(9), tokens: slow(100) };
      const one = await ready(options, limits);
      const other = await options.foreign(limits);
      await one.ask({ pause: 5_000 });
      await one.ask({ pause: 100 });
      const paused = await other.ask({ calls: [1] });
      assert.equal(paused.calls, 0);
      near(paused.pause, 4_500, 500, "the pause");
      near(paused.wait, paused.pause, 100, "the wait");
      assert.ok(paused.levels.requests <= 0.9 && paused.levels.tokens <= 2, "the buckets are empty");
    },
  },
  {
    name: "a pause ends",
    async check(options) {
      const member = await ready(options, { requests: slow(9) });
      const { pause } = await member.ask({ pause: 60 });
      await options.pass(pause + 20);
      await refill(member, { requests: slow(9) });
      const after = await member.ask({ calls: [1] });
      assert.deepEqual([after.pause, after.calls, after.wait], [0, 1, 0]);
    },
  },
  {
    name: "a gate that waits for a debt and is silent for a second loses it, and is informed",
    async check(options) {
      const limits = { requests: slow(9), tokens: { perMs: 0.01, capacity: 10 } };
      const silent = await ready(options, limits);
      const other = await options.foreign(limits);
      near((await silent.ask({ calls: [1_000] })).wait, 99_000, 3_000, "its wait");
      assert.ok((await other.ask()).levels.tokens < -900, "it is owed at first");
      await options.pass(1_200);
      assert.ok((await other.ask()).levels.tokens > -100, "its tokens are there again");
      assert.equal((await silent.ask()).revoked, true);
      assert.equal((await silent.ask()).revoked, false);
    },
  },
  {
    name: "a gate that waits for a debt and reports keeps it",
    async check(options) {
      const limits = { requests: slow(9), tokens: { perMs: 0.01, capacity: 10 } };
      const patient = await ready(options, limits);
      const other = await options.foreign(limits);
      await patient.ask({ calls: [1_000] });
      for (let time = 0; time < 3; time++) {
        await options.pass(400);
        assert.equal((await patient.ask()).revoked, false);
      }
      assert.ok((await other.ask()).levels.tokens < -900, "it is still owed");
    },
  },
];
