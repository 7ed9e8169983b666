// The command line: the only file that reads the environment or prints.
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Gate } from "sluice";
import { createAskFlow, createIndexFlow } from "./flow.js";
import { readIndex, writeIndex } from "./index-file.js";
import { InputError } from "./input-error.js";
import { connect } from "./llm.js";
import { type AskShared, createIndexShared } from "./nodes.js";

const DEFAULTS = [
  "What is the default timeout of requests to OpenAI?",
  "Does tinyglobby follow symbolic links?",
];

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    process.exitCode = 128 + constants.signals[signal];
    stop.abort(new Error(`Stopped by ${signal}`));
  });
}

let close = async () => {};
try {
  await main();
} catch (error) {
  if (!stop.signal.aborted) {
    process.exitCode = error instanceof InputError ? 2 : 1;
    console.error(error instanceof InputError ? `error: ${error.message}` : error);
  }
} finally {
  await close();
}

async function main(): Promise<void> {
  const { questions, docs, indexFile } = options(process.argv.slice(2));
  const { llm, about, close: end } = await connect(process.env);
  close = end;
  console.log(about);

  const { signal } = stop;
  const gate = new Gate({
    concurrency: 4,
    rate: { requests: 3_000, tokens: 1_000_000, per: 60_000, burst: 60_000 },
  });
  const deps = { llm, gate };

  const before = indexFile === undefined ? undefined : readIndex(indexFile, llm.embedder);
  const patterns = docs === undefined ? ["*/README.md", "@*/*/README.md"] : ["**/*.md", "!**/node_modules"];
  const folder = docs ?? installed();
  const made = createIndexShared(folder, patterns, before);
  const startedAt = performance.now();
  await createIndexFlow(deps).run(made, { signal });
  const { index, documents = [], unread, spent } = made;
  if (index === undefined || index.size === 0) {
    throw new InputError(
      `Expected Markdown files under "${folder}", got none. Name another folder with --docs.`,
    );
  }
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.log(`\n${documents.length} documents, ${index.size} passages. Embedded ${spent.texts} texts`);
  console.log(`in ${spent.requests} requests with ${spent.tokens} tokens; that took ${seconds} s.`);
  for (const reason of unread) console.log(`Left out: ${reason}`);
  if (indexFile !== undefined) writeIndex(indexFile, llm.embedder, index);

  const flow = createAskFlow(deps);
  for (const question of questions) {
    const shared: AskShared = { question, index };
    await flow.run(shared, { signal });
    tell(shared);
  }
}

function tell({ question, hits = [], answer }: AskShared): void {
  console.log(`\nQuestion: ${question}`);
  console.log(answer ?? "No passage is near enough to this question, so no model was asked.");
  for (const [at, { source, score }] of hits.entries()) {
    if (answer?.includes(`[${at + 1}]`)) console.log(`  [${at + 1}] ${source} (${score.toFixed(2)})`);
  }
}

function options(args: string[]): {
  questions: string[];
  docs: string | undefined;
  indexFile: string | undefined;
} {
  const { values, positionals } = parse(args);
  const docs = values.docs === undefined ? undefined : resolve(values.docs);
  if (docs !== undefined && !existsSync(docs)) {
    throw new InputError(`Expected --docs to be a folder, got "${values.docs}". Name one that exists.`);
  }
  const indexFile = values.index === undefined ? undefined : resolve(values.index);
  if (indexFile !== undefined && !existsSync(dirname(indexFile))) {
    throw new InputError(
      `Expected --index to be a file in a folder that exists, got "${values.index}". Make the folder.`,
    );
  }
  const questions = positionals.map((each) => each.trim()).filter(Boolean);
  return { questions: questions.length > 0 ? questions : DEFAULTS, docs, indexFile };
}

function parse(args: string[]) {
  try {
    const known = { docs: { type: "string" }, index: { type: "string" } } as const;
    return parseArgs({ args, allowPositionals: true, options: known });
  } catch (error) {
    throw new InputError(
      `Expected questions, --docs <folder> and --index <file>, got "${args.join(" ")}". ${(error as Error).message}`,
    );
  }
}

/** The packages that this recipe was installed with. */
function installed(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "node_modules/openai")) && dirname(folder) !== folder)
    folder = dirname(folder);
  return join(folder, "node_modules");
}
