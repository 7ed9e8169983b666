// 5b. a gate that never binds, barely warm: 100,000 calls in a process that has made 10,000 before.
import { cpuTimeBarelyWarm, expectEqual } from "../lib/timing.mjs";
import { peers as idleGatePeers } from "./idle-gate.mjs";

export const title = "A gate that never binds, barely warm: 100,000 calls in a fresh process, after 10,000";
export const unit = "call";
export const adapter = "idleGate";
export const minRounds = 7;
export const cases = {
  "2 × 50,000 calls": { warmUp: 5_000, count: 50_000, concurrency: 32, target: 2.5 },
};
export const peers = idleGatePeers;

const execs = [async (n) => n + 1, async (n) => n + 2];

export async function measure(idleGate, { warmUp, count, concurrency, part = 1 }) {
  const run = async (each) => {
    const [first, second] = await idleGate(execs, each, concurrency);
    expectEqual(first.length + second.length, 2 * each, "results");
    for (let at = 0; at < each; at++) expectEqual(first[at] + second[at], 2 * at + 3, "result");
  };
  const ms = await cpuTimeBarelyWarm(
    () => run(warmUp * part),
    () => run(count * part),
  );
  return { ms: ms / part };
}
