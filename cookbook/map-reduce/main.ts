// The program: read map-reduce.ts first.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isFailure } from "sluice";
import { program, UsageError } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createRankingFlow, Job, type Shared } from "./map-reduce.js";

const here = (name: string) => join(import.meta.dirname, name);
await program("[folder] [--job job.json]", { job: here("job.json") }, async ({ words, flags, run }) => {
  const [folder = here("resumes")] = words;
  const files = readdirSync(folder).filter((name) => name.endsWith(".txt"));
  if (files.length === 0) throw new UsageError(`Expected text files in "${folder}", got none.`);
  const resumes = files.map((file) => ({ file, text: readFileSync(join(folder, file), "utf8") }));
  const job = Job.parse(JSON.parse(readFileSync(flags.job, "utf8")));
  const shared: Shared = { job, resumes };
  await createRankingFlow(await connect("map-reduce"), job).run(shared, run);
  console.log(`${job.title}: ${job.years} years, ${job.skills.join(", ")}\n`);
  for (const { name, score, skills } of shared.ranking ?? [])
    console.log(`${score} ${name}: ${skills.join(", ")}`);
  const failed = (shared.facts ?? []).filter((each) => isFailure(each));
  for (const { item, error } of failed)
    console.error(`Not ranked: ${item.file}: ${(error as Error).message}`);
  if (failed.length > 0) process.exitCode = 1;
});
