// The program: read parallel-translate.ts first.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createTranslateFlow, type Shared } from "./parallel-translate.js";

const DEFAULTS = { to: "German,French,Spanish,Italian", out: "translations" };
await program("[file.md] [--to German,French] [--out folder]", DEFAULTS, async ({ words, flags, run }) => {
  const [file = join(import.meta.dirname, "README.md")] = words;
  const languages = flags.to.split(",").map((language) => language.trim());
  const shared: Shared = { text: readFileSync(file, "utf8"), languages, translations: {}, failures: {} };
  await createTranslateFlow(await connect("parallel-translate")).run(shared, run);
  mkdirSync(flags.out, { recursive: true });
  for (const [language, text] of Object.entries(shared.translations)) {
    const path = join(
      flags.out,
      `${basename(file, ".md")}.${language.toLowerCase().replaceAll(/[^\p{L}\d]+/gu, "-")}.md`,
    );
    writeFileSync(path, text);
    console.log(path);
  }
  for (const [language, error] of Object.entries(shared.failures)) console.error(`${language}: ${error}`);
  if (Object.keys(shared.failures).length > 0) process.exitCode = 1;
});
