// The command line: the only file that reads the environment or prints.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { availableParallelism, constants } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";
import type { Flow } from "sluice";
import { allTasks, createImagesFlow, createMixedUpFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { fileOf, type Shared } from "./nodes.js";
import { encode, filterNames, motifNames, paint } from "./pictures.js";
import { here, inThreads } from "./work.js";

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    process.exitCode = 128 + constants.signals[signal];
    stop.abort(new Error(`Stopped by ${signal}`));
  });
}

try {
  await main();
} catch (error) {
  if (!stop.signal.aborted) {
    process.exitCode = error instanceof InputError ? 2 : 1;
    console.error(error instanceof InputError ? `error: ${error.message}` : error);
  }
}

async function main(): Promise<void> {
  const { out, width } = optionsOf(process.argv.slice(2));
  const from = join(out, "made");
  await mkdir(from, { recursive: true });
  for (const motif of motifNames) {
    stop.signal.throwIfAborted();
    await writeFile(join(from, `${motif}.png`), encode(paint(motif, width)));
  }
  console.log(
    `${motifNames.length} pictures of ${width} × ${Math.round((width * 2) / 3)}, and ${filterNames.length} filters ` +
      `(${filterNames.join(", ")}): ${allTasks.length} walks. No key is needed for this.`,
  );
  const threads = availableParallelism();
  const beside = inThreads(threads);
  await Promise.all([here, beside].map((work) => work.warmUp(stop.signal)));

  console.log("\n                                time   longest block   wrong files");
  const many = allTasks.length;
  const measure = async (name: string, folder: string, flow: Flow<Shared>) => {
    const measured = await run(flow, { from, to: join(out, folder), files: [] });
    const wrong = await countWrong(join(out, "one-by-one"), join(out, folder));
    const [time, block] = [measured.time, measured.block].map((ms) => `${Math.round(ms)} ms`);
    console.log(
      `${name.padEnd(27)}${time?.padStart(9)}${block?.padStart(16)}${`${wrong} of ${many}`.padStart(14)}`,
    );
    return { ...measured, wrong };
  };
  const sequential = await measure(
    "one after another",
    "one-by-one",
    createImagesFlow({ work: here, concurrency: 1 }),
  );
  const atOnce = await measure("at once", "at-once", createImagesFlow({ work: here, concurrency: many }));
  const inside = { work: beside, concurrency: 2 * threads };
  const threaded = await measure(`at once, in ${threads} threads`, "in-threads", createImagesFlow(inside));
  const mixed = await measure(
    "at once, on one store",
    "mixed-up",
    createMixedUpFlow({ work: here, concurrency: many }),
  );

  console.log(
    `\nOne thread that does all the work is no faster for having it all at once. ${threads} threads were ` +
      `${(sequential.time / threaded.time).toFixed(1)} times as fast,\nand left the program free for other things. ` +
      `Without fork and join, ${mixed.wrong} of ${many} files hold another walk's picture.\nWrote ${out}/`,
  );
  // With a store for each walk every file is right; if not, this recipe teaches nonsense.
  if (atOnce.wrong + threaded.wrong > 0) process.exitCode = 1;
}

async function run(flow: Flow<Shared>, shared: Shared) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const began = performance.now();
  try {
    await flow.run(shared, { signal: stop.signal });
  } finally {
    delay.disable();
  }
  return { time: performance.now() - began, block: delay.max / 1e6 };
}

/** Compares the files of two runs. */
async function countWrong(right: string, folder: string): Promise<number> {
  let wrong = 0;
  for (const task of allTasks) {
    const [a, b] = await Promise.all([right, folder].map((each) => readFile(join(each, fileOf(task)))));
    if (!a?.equals(b as Buffer)) wrong++;
  }
  return wrong;
}

function optionsOf(args: string[]): { out: string; width: number } {
  const options = {
    out: { type: "string", default: "pictures" },
    width: { type: "string", default: "480" },
  } as const;
  let values: { out: string; width: string };
  try {
    ({ values } = parseArgs({ args, options }));
  } catch (error) {
    throw new InputError(
      `Expected --out <folder> and --width <pixels>, or neither, got "${args.join(" ")}". ${(error as Error).message}`,
    );
  }
  const width = Number(values.width);
  if (!/^\d+$/.test(values.width) || width < 3 || width > 1_200) {
    throw new InputError(
      `Expected --width to be an integer from 3 to 1200, got "${values.width}". Try --width 480.`,
    );
  }
  return { out: values.out, width };
}
