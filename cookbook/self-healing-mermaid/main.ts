// The command line: the only file that reads the environment or prints. The document with its diagrams goes to
// stdout, what happened on the way to stderr.
import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import { isFailure } from "sluice";
import { createDocumentFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, type Service } from "./llm.js";
import type { Section, Shared } from "./nodes.js";
import { loadParser } from "./parser.js";

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
  const shared: Shared = { sections: await readSections(process.argv.slice(2)) };
  service = await connect(process.env);
  console.error(service.about);
  const flow = createDocumentFlow({ llm: service.llm, parse: await loadParser() });
  await flow.run(shared, { signal: stop.signal });

  for (const drawing of shared.drawings ?? []) {
    const { heading, text } = isFailure(drawing) ? drawing.item : drawing;
    console.log(`${heading}\n\n${text}\n`.trimStart());
    const where = heading.split("\n").at(-1) || "The text";
    const failed = isFailure(drawing) ? [] : drawing.failed;
    for (const { error } of failed) {
      console.error(`\n${where}, refused:\n${error.replace(/(?<=Expecting ).+(?=, got)/, "…")}`);
    }
    if (!isFailure(drawing) && drawing.valid) {
      console.log(`\`\`\`mermaid\n${drawing.diagram}\n\`\`\`\n`);
      continue;
    }
    console.error(
      `\n${where}: no diagram${isFailure(drawing) ? ` (${(drawing.error as Error).message})` : ""}`,
    );
    process.exitCode = 1;
  }
}

/** Reads a document and cuts it at its headings; one that has no text under it goes with the next. */
async function readSections(args: readonly string[]): Promise<Section[]> {
  const [path, second] = args;
  if (second !== undefined || path?.startsWith("-")) {
    throw new InputError(`Expected at most one Markdown file, got "${args.join(" ")}".`);
  }
  const source = path ?? new URL("sample.md", import.meta.url);
  const document = await readFile(source, "utf8").catch((error) => {
    throw new InputError(`Expected a Markdown file, got "${path}": ${error.message}.`);
  });
  const sections: Section[] = [];
  let heading = "";
  for (const part of document.split(/^(?=#+ )/m)) {
    const [, title = "", text = ""] = /^(#+ .+)?([\s\S]*)$/.exec(part) ?? [];
    heading = [heading, title].filter(Boolean).join("\n\n");
    if (text.trim() === "") continue;
    sections.push({ heading, text: text.trim() });
    heading = "";
  }
  if (sections.length === 0) throw new InputError(`Expected text to draw in "${path}", got none.`);
  return sections;
}
