// 7. overlap: 64 calls of 50 ms; what counts is that they lie over each other.
import { expectEqual, median, wallTime } from "../lib/timing.mjs";

export const title = "Overlap: 64 calls of 50 ms";
export const unit = "run";
export const maxRounds = 2;
export const clock = "wall";
export const adapter = "fanOut";
export const cases = {
  "concurrency 64": { concurrency: 64, target: 1.03 },
  "concurrency 16": { concurrency: 16, target: 1.03 },
};
export const peers = {
  "p-limit, a closure per item": { file: "p-limit" },
  "async mapLimit": { file: "async", slow: true },
  "p-map": {},
  effect: { slow: true },
  "p-queue": { slow: true },
};

const call = async (n) => {
  await new Promise((resolve) => setTimeout(resolve, 50));
  return n;
};

export async function measure(fanOut, { concurrency }) {
  const once = async () => expectEqual((await fanOut(call, 64, concurrency)).length, 64, "results");
  await once();
  const times = [];
  for (let run = 0; run < 3; run++) times.push(await wallTime(once));
  return { ms: median(times) };
}
