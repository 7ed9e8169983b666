// 6. a gate that binds: all calls that a simulated vendor allows, as fast as it allows them. The figure is the time
// over the ideal, which is that of a client that starts each call at the first allowed moment.
import { expectEqual, wallTime } from "../lib/timing.mjs";
import { idealTime, jobsOf, Vendor } from "../vendor.mjs";

export const title = "A gate that binds: time over the ideal, against a simulated vendor";
export const unit = "run";
export const maxRounds = 2;
export const clock = "ideal";
export const adapter = "bindingGate";
/** These mostly wait, so several are measured at the same time. */
export const together = 3;
export const cases = {
  "200/s, burst 20": { requests: 200, burst: 100, count: 820, concurrency: 64, target: 1.02, slow: true },
  "200/s, burst 200": {
    requests: 200,
    burst: 1_000,
    count: 1_000,
    concurrency: 64,
    notQuick: true,
    target: 1.02,
    slow: true,
  },
  "2,000/s, burst 200": {
    requests: 2_000,
    burst: 100,
    count: 8_200,
    concurrency: 400,
    target: 1.02,
    slow: true,
  },
  "200/s and 150,000 tokens/s, burst 1 s": {
    requests: 200,
    tokens: 150_000,
    burst: 1_000,
    count: 750,
    concurrency: 64,
    target: 1.02,
    notQuick: true,
  },
};
export const peers = {
  effect: {},
  "p-throttle + p-limit": { file: "p-throttle" },
  "p-throttle strict + p-limit": { file: "p-throttle", adapter: "bindingGateStrict" },
  "p-queue intervalCap": { file: "p-queue" },
  "p-queue intervalCap strict": { file: "p-queue", adapter: "bindingGateStrict" },
  "bottleneck refresh": { file: "bottleneck", adapter: "bindingGateRefresh" },
  "bottleneck increase": { file: "bottleneck", adapter: "bindingGateIncrease" },
  "bottleneck minTime": { file: "bottleneck", adapter: "bindingGateSpaced" },
  "p-limit, 429 and wait": { file: "p-limit" },
};

export async function measure(bindingGate, { count, concurrency, requests, tokens, burst }) {
  const limits = { requests, tokens, burst };
  const jobs = jobsOf(count);
  const vendor = new Vendor(limits);
  let done = 0;
  const send = bindingGate.knows429 ? vendor.call : vendor.patientCall;
  const ms = await wallTime(() =>
    bindingGate(limits, jobs, concurrency, async (job) => {
      await send(job);
      done++;
    }),
  );
  expectEqual(done, count, "calls");
  return { ms, ideal: idealTime(limits, jobs), refused: vendor.refused };
}
