// Stretches the same passwords on the main thread and in threads, and shows what each does to the event loop.
import { availableParallelism, constants } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { EventEmitter } from "eventemitter3";
import type { RunEvents } from "sluice";
import { asyncify } from "sluice/threads";
import { createHashFlow } from "./flow.js";
import { stretch } from "./hash.js";
import type { Shared, Stretch } from "./nodes.js";

const count = Number(process.argv[2] ?? 24);
const rounds = Number(process.argv[3] ?? 200_000);
if (![count, rounds].every((value) => Number.isSafeInteger(value) && value >= 1)) {
  console.error(
    "Usage: npm start -- [passwords] [rounds], both integers from 1 up, such as: npm start -- 24 200000",
  );
  process.exit(2);
}

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    process.exitCode = 128 + constants.signals[name];
    stop.abort(new Error(`Stopped by ${name}`));
  });
}

const passwords = Array.from({ length: count }, (_, n) => `password ${n}`);
const inThreads = asyncify<typeof stretch>(new URL("./hash.js", import.meta.url), "stretch");
console.log(`${count} passwords of ${rounds.toLocaleString("en")} rounds each; no key is needed for this.`);
const threads = availableParallelism();
const startedAt = performance.now();
await Promise.all(Array.from({ length: threads }, () => warmUp()));
console.log(`${threads} threads are up after ${Math.round(performance.now() - startedAt)} ms.\n`);
console.log("                  time   event loop p99   steps seen while it ran");

try {
  const here = await measure("main thread", stretch, 1);
  const there = await measure("in threads", inThreads, 2 * threads);
  const same = here.hashes.join() === there.hashes.join();
  console.log(
    `\n${same ? "Both gave the same hashes." : "The hashes differ!"} In threads it was ${(here.time / there.time).toFixed(1)} times as fast.`,
  );
  if (!same) process.exitCode = 1;
} catch (error) {
  if (!stop.signal.aborted) throw error;
  console.log("\nStopped.");
}

/** Loads the module in a thread. */
async function warmUp(): Promise<void> {
  for await (const _ of inThreads("", 1));
}

/** Runs the flow once. A timer stands for everything else that this process should be doing. */
async function measure(name: string, work: Stretch, concurrency: number) {
  const shared: Shared = { passwords, rounds, hashes: [] };
  const events = new EventEmitter<RunEvents>();
  let [told, seen] = [0, 0];
  events.on("data", () => told++);
  const screen = setInterval(() => {
    seen = told;
  }, 20);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const startedAt = performance.now();
  try {
    await createHashFlow({ stretch: work, concurrency }).run(shared, { signal: stop.signal, events });
  } finally {
    clearInterval(screen);
    delay.disable();
  }
  const time = performance.now() - startedAt;
  const p99 = `${(delay.percentile(99) / 1e6).toFixed(1)} ms`;
  console.log(
    `${name.padEnd(12)}${`${(time / 1_000).toFixed(2)} s`.padStart(10)}${p99.padStart(17)}${`${seen} of ${10 * count}`.padStart(26)}`,
  );
  return { time, hashes: shared.hashes };
}
