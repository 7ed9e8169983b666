// 5. a gate that never binds: two nodes share 64 slots and a rate of 1e9/s, and use half of the slots each.
import { cpuTimeOfRuns, expectEqual } from "../lib/timing.mjs";

export const title = "A gate that never binds, shared by two nodes";
export const unit = "call";
export const adapter = "idleGate";
export const cases = { "2 × 25,000 calls": { count: 25_000, concurrency: 32, target: 2 } };
export const peers = {
  "effect RateLimiter": { file: "effect" },
  "p-throttle + p-limit": { file: "p-throttle" },
  "p-queue intervalCap": { file: "p-queue" },
  bottleneck: { part: 0.02 },
};

const execs = [async (n) => n + 1, async (n) => n + 2];

export async function measure(idleGate, { count, concurrency, part = 1, budget }) {
  const each = count * part;
  const once = async () => {
    const [first, second] = await idleGate(execs, each, concurrency);
    expectEqual(first.length + second.length, 2 * each, "results");
    for (let at = 0; at < each; at++) expectEqual(first[at] + second[at], 2 * at + 3, "result");
  };
  return { ms: (await cpuTimeOfRuns(once, budget)) / part };
}
