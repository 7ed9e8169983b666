// p-limit: a semaphore.
import pLimit from "p-limit";
import { range } from "../hooks.mjs";

/** As its readme has it: a closure for each item, all made at once. */
export function fanOut(exec, count, concurrency) {
  const limit = pLimit(concurrency);
  return Promise.all(Array.from(range(count), (item) => limit(() => exec(item))));
}

/** A worker per slot, each pulling from one iterator: p-limit is asked only once per worker. */
export async function fanOutByWorker(exec, count, concurrency) {
  const limit = pLimit(concurrency);
  const iterator = range(count);
  const results = [];
  let index = 0;
  const work = async () => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) {
      const mine = index++;
      results[mine] = await exec(next.value);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, () => limit(work)));
  return results;
}

/** No rate at all: whoever is refused waits as long as the vendor says, in its slot. */
export function bindingGate(_limits, jobs, concurrency, call) {
  const limit = pLimit(concurrency);
  return Promise.all(jobs.map((job) => limit(() => call(job))));
}

export async function abort(exec, count, concurrency, signal) {
  const limit = pLimit({ concurrency, rejectOnClear: true });
  signal.addEventListener("abort", () => limit.clearQueue());
  await Promise.all(Array.from(range(count), (item) => limit(() => exec(item, signal))));
}
