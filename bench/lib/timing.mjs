// Timing inside a measuring process.

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/** Milliseconds on the clock that a call takes: for work that waits. */
export async function wallTime(once) {
  const start = performance.now();
  await once();
  return performance.now() - start;
}

/**
 * Milliseconds of processor time that a call takes, garbage collection included: for work that never waits.
 * Other programs on the machine stretch the clock many times over, and this hardly at all.
 */
export async function cpuTime(once) {
  const before = process.cpuUsage();
  await once();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/**
 * The median processor time of several runs after those that only warm up: V8 compiles hot code in steps, and a
 * program of this kind runs long. No collection is forced in between, for it throws away code that V8 has
 * optimised inside a running loop, which takes up to 25 ms to make again.
 *
 * @param once - Makes one run and throws if its result is wrong.
 * @param budget - Warms up for about this many ms, and then measures as long; at least three runs.
 */
export async function cpuTimeOfRuns(once, budget = 300) {
  await once();
  let spent = 0;
  while (spent < budget) spent += await cpuTime(once);
  const times = [];
  for (spent = 0; spent < budget || times.length < 3; spent += times.at(-1)) times.push(await cpuTime(once));
  return median(times);
}

/**
 * The processor time of one run in a process that has just started and has made a smaller run before. V8 compiles what
 * the loading of modules has made hot for up to 200 ms more (the lexer of CommonJS: 45 ms of processor time), which is
 * waited for first: that is no part of the work.
 */
export async function cpuTimeBarelyWarm(warmUp, once) {
  await new Promise((resolve) => setTimeout(resolve, 300));
  await warmUp();
  return cpuTime(once);
}

export function expectEqual(actual, expected, what) {
  if (actual !== expected) throw new Error(`${what}: expected ${expected}, got ${actual}`);
}
