// p-queue: a queue with concurrency and a rate of its own (intervalCap per interval).
import PQueue from "p-queue";
import { range } from "../hooks.mjs";

const all = (queue, exec, count) =>
  Promise.all(Array.from(range(count), (item) => queue.add(() => exec(item))));

export const fanOut = (exec, count, concurrency) => all(new PQueue({ concurrency }), exec, count);

export function idleGate(execs, count, concurrency) {
  const queue = new PQueue({ concurrency: concurrency * execs.length, intervalCap: 1e9, interval: 1_000 });
  return Promise.all(execs.map((exec) => all(queue, exec, count)));
}

/** Fixed windows of the vendor's burst. It knows no weights, so tokens are counted at their mean. */
const windows = (options) => (limits, jobs, concurrency, call) => {
  const { requests, burst } = limits;
  const interval = Math.max(burst, 1);
  const perWindow = Math.floor((requestsOf(limits, jobs, requests) * interval) / 1_000);
  const queue = new PQueue({ concurrency, interval, intervalCap: Math.max(1, perWindow), ...options });
  return Promise.all(jobs.map((job) => queue.add(() => call(job))));
};

function requestsOf({ tokens }, jobs, requests) {
  if (tokens === undefined) return requests;
  const mean = jobs.reduce((sum, job) => sum + job.tokens, 0) / jobs.length;
  return Math.min(requests, tokens / mean);
}

export const bindingGate = windows({});
/** Its sliding window. */
export const bindingGateStrict = windows({ strict: true });

export async function abort(exec, count, concurrency, signal) {
  const queue = new PQueue({ concurrency });
  await Promise.all(Array.from(range(count), (item) => queue.add(() => exec(item, signal), { signal })));
}
