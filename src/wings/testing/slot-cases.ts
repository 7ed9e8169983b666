// Slots of a shared limit, gates that join and leave, and a place that has lost its state.
import assert from "node:assert/strict";
import { type LimitCase, near, ready, slow } from "./limit-subject.js";

export const slotCases: readonly LimitCase[] = [
  {
    name: "all gates together never have more slots than the limit",
    async check(options) {
      const one = await ready(options, { slots: 5 });
      const other = await options.foreign({ slots: 5 });
      assert.equal((await one.ask({ wanted: 3 })).slots, 3);
      assert.equal((await other.ask({ wanted: 5 })).slots, 2);
      const { slots, poll } = await one.ask({ held: 3, wanted: 4 });
      assert.ok(slots <= 3 && poll > 0, "no sixth slot");
    },
  },
  {
    name: "gates that ask concurrently get all slots together, and no more",
    async check(options) {
      await ready(options, { slots: 7, requests: slow(1_000) });
      const members = Array.from({ length: 12 }, () => options.member({ slots: 7, requests: slow(1_000) }));
      const replies = await Promise.all(members.map((member) => member.ask({ wanted: 7 })));
      const got = replies.reduce((sum, { slots }) => sum + slots, 0);
      assert.ok(got > 0 && got <= 7, `up to 7 slots, got ${got}`);
    },
  },
  {
    name: "slots that a gate does not keep are free at once",
    async check(options) {
      const one = await ready(options, { slots: 2 });
      const other = await options.foreign({ slots: 2 });
      await one.ask({ wanted: 2 });
      assert.equal((await other.ask({ wanted: 1 })).slots, 0);
      await one.ask({ held: 1 });
      assert.equal((await other.ask({ wanted: 1 })).slots, 1);
    },
  },
  {
    name: "permits are granted only to calls that have or get a slot",
    async check(options) {
      const member = await ready(options, { slots: 2, requests: slow(9) });
      const { slots, calls } = await member.ask({ wanted: 2, calls: [0, 0, 0, 0], ready: 0 });
      assert.deepEqual([slots, calls], [2, 2]);
      assert.equal((await member.ask({ held: 2, wanted: 2, calls: [0, 0], ready: 1 })).calls, 1);
      assert.equal((await member.ask({ held: 2, wanted: 2, calls: [0], ready: 0 })).calls, 0);
    },
  },
  {
    name: "a gate with more than its share returns slots while a gate with less waits",
    async check(options) {
      const rich = await ready(options, { slots: 6 });
      const poor = await options.foreign({ slots: 6 });
      assert.equal((await rich.ask({ wanted: 6 })).slots, 6);
      assert.equal((await poor.ask({ wanted: 6 })).slots, 0);
      assert.equal((await rich.ask({ held: 6, wanted: 6 })).slots, 3);
      assert.equal((await rich.ask({ held: 4, wanted: 6 })).slots, 3);
      assert.equal((await poor.ask({ wanted: 6 })).slots, 2);
      assert.equal((await rich.ask({ held: 3, wanted: 6 })).slots, 3);
      assert.equal((await poor.ask({ held: 2, wanted: 6 })).slots, 3);
      assert.equal((await rich.ask({ held: 3, wanted: 6 })).slots, 3);
    },
  },
  {
    name: "the gate that has waited longest gets the only slot",
    async check(options) {
      const [one, second, third] = [
        await ready(options, { slots: 1 }),
        await options.foreign({ slots: 1 }),
        await options.foreign({ slots: 1 }),
      ];
      assert.equal((await one.ask({ wanted: 1 })).slots, 1);
      assert.equal((await second.ask({ wanted: 1 })).slots, 0);
      await options.pass(5);
      assert.equal((await third.ask({ wanted: 1 })).slots, 0);
      assert.equal((await one.ask({ held: 1, wanted: 1 })).slots, 0, "it gives back when its call ends");
      assert.equal((await one.ask({ held: 0, wanted: 1 })).slots, 0, "it is the last now");
      assert.equal((await third.ask({ wanted: 1 })).slots, 0, "the second has waited longer");
      assert.equal((await second.ask({ wanted: 1 })).slots, 1);
    },
  },
  {
    name: "the slots of a gate are free 10 s after its last report, and not before",
    async check(options) {
      const dead = await ready(options, { slots: 2 });
      const [alive, waiting] = [await options.foreign({ slots: 2 }), await options.foreign({ slots: 2 })];
      assert.equal((await dead.ask({ wanted: 1 })).slots, 1);
      assert.equal((await alive.ask({ wanted: 1 })).slots, 1);
      let got = 0;
      for (let second = 0; second < 10 && got === 0; second++) {
        await options.pass(980);
        await alive.ask({ held: 1 });
        got = (await waiting.ask({ wanted: 2 })).slots;
        assert.ok(got === 0 || second >= 4, `free after ${second} s`);
      }
      assert.equal(got, 1);
    },
  },
  {
    name: "a gate that leaves returns all but the slots that it still uses",
    async check(options) {
      const one = await ready(options, { slots: 3 });
      const other = await options.foreign({ slots: 3 });
      await one.ask({ wanted: 3 });
      await one.ask({ held: 1, leaves: true });
      assert.equal((await other.ask({ wanted: 3 })).slots, 2);
      await one.ask({ held: 0, leaves: true });
      assert.equal((await other.ask({ held: 2, wanted: 3 })).slots, 3);
    },
  },
  {
    name: "a gate with other limits is refused until the place has no gate",
    async check(options) {
      const one = await ready(options, { slots: 3 });
      const other = await options.foreign({ slots: 4 });
      other.terms = "others";
      assert.deepEqual(await other.raw({ wanted: 1 }), { differs: "terms" });
      assert.equal((await one.ask({ wanted: 1 })).slots, 1, "the first one goes on");
      await one.ask({ held: 0, leaves: true });
      assert.equal((await other.ask({ wanted: 4 })).slots, 4);
    },
  },
  {
    name: "a place that has lost its state has a new epoch, and grants nothing until gates can have reported",
    async check(options) {
      const limits = { slots: 4, requests: slow(9), tokens: slow(100) };
      const one = await ready(options, limits);
      const other = await options.foreign(limits);
      await one.ask({ wanted: 3 });
      const before = one.epoch;
      await options.forget();
      const first = await other.ask({ wanted: 1, calls: [0], ready: 0 });
      assert.notEqual(first.epoch, before);
      assert.deepEqual([first.slots, first.calls], [0, 0]);
      assert.equal((await one.ask({ held: 3 })).slots, 3, "a gate keeps what it reports");
      await options.pass(first.wait + 20);
      assert.equal((await other.ask({ wanted: 4 })).slots, 1);
      assert.ok((await other.ask({ held: 1 })).levels.requests < 1, "the buckets are empty");
    },
  },
  {
    name: "a place that has lost its state takes over the debts and pauses that gates report",
    async check(options) {
      const limits = { requests: slow(9), tokens: slow(100) };
      const one = await ready(options, limits);
      const other = await options.foreign(limits);
      await options.forget();
      const { wait } = await other.ask();
      await one.ask({ known: { requests: -2, tokens: -70, pause: 3_000 } });
      await options.pass(wait + 20);
      const { levels, calls, pause } = await other.ask({ calls: [1] });
      assert.equal(calls, 0);
      near(pause, 1_500, 1_400, "the pause");
      near(levels.requests, -2, 0.5, "the debt of requests");
      near(levels.tokens, -70, 2, "the debt of tokens");
      await other.ask({ known: { requests: -5, tokens: 0, pause: 9_000 } });
      assert.ok((await other.ask()).pause < 3_000, "a gate that reports twice is counted once");
    },
  },
  {
    name: "a gate that returns after a long time without debts takes nothing from the others",
    async check(options) {
      const limits = { requests: slow(9) };
      const one = await ready(options, limits);
      await one.raw({ owner: "long ago", epoch: "earlier" });
      near((await one.ask()).levels.requests, 9, 0.1, "requests");
    },
  },
];
