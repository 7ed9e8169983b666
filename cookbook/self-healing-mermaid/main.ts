// The program: read self-healing-mermaid.ts first. The document with its diagrams is written to a file.
import { readFileSync, writeFileSync } from "node:fs";
import { program, UsageError } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { loadParser } from "./parser.js";
import { createMermaidFlow, sectionsOf } from "./self-healing-mermaid.js";

const sample = new URL("sample.md", import.meta.url);

await program("[file.md] [--out drawn.md]", { out: "drawn.md" }, async ({ words: [file], flags, run }) => {
  const sections = sectionsOf(readFileSync(file ?? sample, "utf8"));
  if (sections.length === 0) throw new UsageError(`Expected text in ${file}, got none.`);
  const flow = createMermaidFlow(await connect("self-healing-mermaid"), await loadParser());
  await flow.run({ sections, refused: [] }, run);
  const parts = sections.flatMap(({ heading, text, valid }) => [
    heading,
    text,
    ...(valid === undefined ? [] : [`\`\`\`mermaid\n${valid}\n\`\`\``]),
  ]);
  writeFileSync(flags.out, `${parts.join("\n\n")}\n`);
  for (const { heading, error } of sections) if (error) console.log(`${heading}: no diagram. ${error}`);
  if (sections.some(({ error }) => error)) process.exitCode = 1;
  console.log(`Wrote ${flags.out}.`);
});
