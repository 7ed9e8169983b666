// 3b. fan-out, barely warm: as most programs have it, 100,000 items in a process that has seen 10,000 before.
import { cpuTimeBarelyWarm, expectEqual } from "../lib/timing.mjs";
import { peers as fanOutPeers } from "./fan-out.mjs";

export const title = "Fan-out, barely warm: 100,000 items in a fresh process, after 10,000";
export const unit = "item";
export const minRounds = 7;
const items = { warmUp: 10_000, count: 100_000, concurrency: 64, target: 1.4 };
export const cases = {
  "sync prep": { ...items, adapter: "fanOut" },
  "async prep": { ...items, adapter: "fanOutAsyncPrep" },
};

/** A peer has no prep, so that its items are there in both cases. */
export const peers = Object.fromEntries(
  Object.entries(fanOutPeers).map(([name, peer]) => [name, { adapter: "fanOut", ...peer }]),
);

const exec = async (n) => n + 1;

export async function measure(fanOut, { warmUp, count, concurrency }) {
  const run = async (items) => {
    const results = await fanOut(exec, items, concurrency);
    expectEqual(results.length, items, "results");
    for (let at = 0; at < items; at++) expectEqual(results[at], at + 1, "result");
  };
  return {
    ms: await cpuTimeBarelyWarm(
      () => run(warmUp),
      () => run(count),
    ),
  };
}
