// The program: read judge.ts first.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createCommissionFlow, type Shared } from "./judge.js";

await program(
  "[package] [--good 9] [--tries 5]",
  { good: 9, tries: 5 },
  async ({ words: [name = "zod"], flags, run }) => {
    const path = createRequire(import.meta.url).resolve(`${name}/package.json`);
    const { version, description, license } = JSON.parse(readFileSync(path, "utf8"));
    const facts = [`${name} is at version ${version}.`, `${description}.`, `Its licence is ${license}.`];
    const shared: Shared = { facts, good: flags.good, tries: flags.tries, drafts: [] };
    const model = await connect("judge");
    const ending = await createCommissionFlow(model, model).run(shared, run);
    console.log(`\n${ending}: the best draft has ${shared.best?.score} of 10\n${shared.best?.text}`);
  },
);
