// The command line: the only file that reads the environment or prints.
import { existsSync, readdirSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join, relative } from "node:path";
import { createShared, createStatisticsFlow, type Shared } from "./flow.js";
import { InputError } from "./input-error.js";
import type { Statistics } from "./store.js";

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
  const args = process.argv.slice(2);
  const files = args.length > 0 ? args : readmes(8);
  if (args.length === 0) console.log("No files given: the first READMEs in node_modules.\n");
  const shared = createShared(files);
  console.log("   words  sentences  words so far  file");
  await createStatisticsFlow({ onCount: printCount }).run(shared, { signal: stop.signal });
  console.log(`\n${summary(shared.statistics)}`);
}

function number(value: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: 1 });
}

function printCount({ count, statistics }: Readonly<Shared>): void {
  const columns = [count?.words ?? 0, count?.sentences ?? 0, statistics.words].map(number);
  const [words = "", sentences = "", all = ""] = columns;
  const file = relative("", count?.file ?? "");
  console.log(`${words.padStart(8)}${sentences.padStart(11)}${all.padStart(14)}  ${file}`);
}

function summary({ texts, words, mean, squares, longest, vocabulary }: Statistics): string {
  const frequent = [...vocabulary]
    .filter(([word]) => word.length > 4)
    .sort(([a, times], [b, more]) => more - times || a.localeCompare(b))
    .slice(0, 5)
    .map(([word, times]) => `${word} (${times})`);
  const deviation = Math.sqrt(squares / Math.max(1, texts - 1));
  return [
    `  texts           ${number(texts)}`,
    `  words           ${number(words)}, of which ${number(vocabulary.size)} different`,
    `  words a text    ${number(mean)} ± ${number(deviation)}`,
    `  longest         ${longest === undefined ? "none" : relative("", longest.file)}`,
    `  frequent        ${frequent.join(", ") || "none"}`,
  ].join("\n");
}

/** READMEs of the packages that this recipe was installed with. */
function readmes(most: number): string[] {
  let folder = import.meta.dirname;
  const isAbove = () => existsSync(join(folder, "node_modules", "tsx"));
  while (!isAbove() && dirname(folder) !== folder) folder = dirname(folder);
  const modules = join(folder, "node_modules");
  const files = isAbove() ? readdirSync(modules).map((name) => join(modules, name, "README.md")) : [];
  const found = files.filter((file) => existsSync(file)).slice(0, most);
  if (found.length > 0) return found;
  throw new InputError("Expected READMEs in node_modules, got none. Run npm install, or name files of text.");
}
