// The program: read workflow.ts first.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { program, UsageError } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createArticleFlow, type Shared } from "./workflow.js";

await program("[notes.txt]", {}, async ({ words: [file = join(import.meta.dirname, "notes.txt")], run }) => {
  const notes = await readFile(file, "utf8").catch((error) => {
    throw new UsageError(`Expected a file with notes, got "${file}" (${error.message}).`);
  });
  if (notes.trim() === "") throw new UsageError(`Expected notes in "${file}", got an empty file.`);
  const shared: Shared = { notes };
  await createArticleFlow(await connect("workflow")).run(shared, run);
  console.log(`\n${shared.article}`);
});
