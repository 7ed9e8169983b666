// p-throttle, a rate, under p-limit, a semaphore.
import pLimit from "p-limit";
import pThrottle from "p-throttle";
import { range } from "../hooks.mjs";

export function idleGate(execs, count, concurrency) {
  const limit = pLimit(concurrency * execs.length);
  const throttle = pThrottle({ limit: 1e9, interval: 1_000 });
  return Promise.all(
    execs.map((exec) => {
      const throttled = throttle(exec);
      return Promise.all(Array.from(range(count), (item) => limit(throttled, item)));
    }),
  );
}

const throttled =
  (options) =>
  ({ requests, tokens, burst }, jobs, concurrency, call) => {
    const limit = pLimit(concurrency);
    // A weight is the one way to count tokens; requests then are not counted.
    const throttle = pThrottle({
      limit: Math.max(1, Math.floor(((tokens ?? requests) * burst) / 1_000)),
      interval: burst,
      ...(tokens !== undefined && { weight: (job) => job.tokens }),
      ...options,
    })(call);
    return Promise.all(jobs.map((job) => limit(throttle, job)));
  };

export const bindingGate = throttled({});
/** Its strict mode, a sliding window. */
export const bindingGateStrict = throttled({ strict: true });
