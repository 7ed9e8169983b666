import { Gate } from "sluice";
import { expect, test } from "vitest";
import type { Model } from "../lib/model.js";
import { createTwinsFlow, type Shared } from "./embed-batching.js";

/** Embeds a text as a vector that points to the place of its first letter. */
async function twins(texts: string[], size: number, fail = 0) {
  const requests: number[] = [];
  const gate = new Gate({ concurrency: 4 });
  const embed: Model["embed"] = async (given, { charge }) => {
    if (requests.push(given.length) <= fail) throw new Error("500");
    charge(given.length);
    return given.map((text) =>
      Array.from({ length: 26 }, (_, at) => (at === text.charCodeAt(0) - 97 ? 1 : 0)),
    );
  };
  const calls = { gate, attempts: 2, backoff: 0 } as unknown as Model["calls"];
  const shared: Shared = { paragraphs: texts.map((text, at) => ({ file: `${at}.md`, text })) };
  await createTwinsFlow({ embed, calls } as Model, size).run(shared);
  return {
    requests,
    groups: shared.twins?.map((group) => group.map(({ text }) => text)),
    stats: gate.stats(),
  };
}

test("a hundred calls become few requests, and the gate counts these", async () => {
  const { requests, stats } = await twins(
    Array.from({ length: 100 }, () => "a lock"),
    25,
  );
  // Four on a machine that does nothing else.
  expect(requests.length).toBeLessThan(50);
  expect(Math.max(...requests)).toBeLessThanOrEqual(25);
  expect([stats.started, stats.spent.tokens]).toEqual([requests.length, 100]);
});

test("paragraphs that say the same are found, the most frequent first", async () => {
  const { groups } = await twins(["b one", "a one", "b two", "c one", "a two", "b three"], 2);
  expect(groups).toEqual([
    ["b one", "b two", "b three"],
    ["a one", "a two"],
  ]);
});

test("a request that fails is made again", async () => {
  const { groups, requests } = await twins(["a one", "a two"], 10, 1);
  expect(requests).toEqual([2, 2]);
  expect(groups).toHaveLength(1);
});
