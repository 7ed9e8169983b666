// The program: read evals.ts first. JUDGE_MODEL names another model for the judge, of the same service.
import { readFileSync, writeFileSync } from "node:fs";
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createEvalFlow, type Shared } from "./evals.js";
import { percent } from "./report.js";
import { sample } from "./sample.js";

const DEFAULTS = { out: "evals.html", least: 50 };

await program("[dataset.json] [--out evals.html] [--least 50]", DEFAULTS, async ({ words, flags, run }) => {
  const dataset = words[0] === undefined ? sample : JSON.parse(readFileSync(words[0], "utf8"));
  const shared: Shared = { ...dataset, results: [] };
  const { JUDGE_MODEL: name, ...env } = process.env;
  const model = await connect("evals");
  const judge = name ? await connect("evals", { ...env, OPENAI_MODEL: name }) : model;
  await createEvalFlow(model, judge).run(shared, run);
  writeFileSync(flags.out, shared.report ?? "");
  for (const { prompt, at, error } of shared.results)
    if (error) console.log(`${prompt}, case ${at + 1}: ${error}`);
  const scores = Object.entries(shared.scores ?? {});
  for (const [prompt, share] of scores) console.log(`${prompt}: ${percent(share)}`);
  const isLow = 100 * (scores.at(-1)?.[1] ?? 0) < flags.least; // of the last prompt, for a build to fail
  if (isLow || shared.results.some(({ error }) => error)) process.exitCode = 1;
});
