// The command line: the only file that reads the environment or prints.
import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Job, jobOf } from "./facts.js";
import { createRankingFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, type Service } from "./llm.js";
import type { Shared } from "./nodes.js";

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    process.exitCode = 128 + constants.signals[signal];
    stop.abort(new Error(`Stopped by ${signal}`));
  });
}

let service: Service | undefined;
try {
  await main();
} catch (error) {
  if (!stop.signal.aborted) {
    process.exitCode = error instanceof InputError ? 2 : 1;
    console.error(error instanceof InputError ? `error: ${error.message}` : error);
  }
} finally {
  await service?.close();
}

async function main(): Promise<void> {
  const { folder, job: file } = options(process.argv.slice(2));
  const shared: Shared = { folder, job: await readJob(file) };
  service = await connect(process.env);
  console.log(`${service.about}\n`);
  await createRankingFlow(service).run(shared, { signal: stop.signal });
  console.log(report(shared));
  if (shared.failures?.length) process.exitCode = 1;
}

function report({ job, ranking = [], failures = [] }: Shared): string {
  const rows = ranking.map(({ name, score, years, skills }, at) => {
    const place = `${at + 1}.`.padStart(4);
    return `${place}${String(score).padStart(7)}  ${name.padEnd(20)}${String(years).padStart(5)}  ${skills.join(", ") || "none"}`;
  });
  const head = `${job.title}: ${job.years} years, ${job.skills.join(", ")}\n\n      score  ${"applicant".padEnd(20)}years  skills`;
  return [head, ...rows, ...failures.map(({ file, reason }) => `\nNot ranked: ${file}: ${reason}`)].join(
    "\n",
  );
}

function options(args: string[]): { folder: string; job: string } {
  const here = (name: string) => join(import.meta.dirname, name);
  try {
    const job = { type: "string", default: here("job.json") } as const;
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { job } });
    const [folder = here("resumes"), second] = positionals;
    if (second !== undefined) throw new Error("one folder is enough");
    return { folder, job: values.job };
  } catch (error) {
    throw new InputError(
      `Expected [folder] [--job file], got "${args.join(" ")}": ${(error as Error).message}. Write, say: npm start -- resumes --job job.json`,
    );
  }
}

async function readJob(file: string): Promise<Job> {
  try {
    return jobOf(await readFile(file, { encoding: "utf8", signal: stop.signal }));
  } catch (error) {
    throw new InputError(
      `Expected a job as {"title", "years", "skills"}, got "${file}": ${(error as Error).message}. Compare it with the job.json of this recipe.`,
    );
  }
}
