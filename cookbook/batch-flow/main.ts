// The command line: the only file that reads the environment or prints.
import { constants } from "node:os";
import { join, relative } from "node:path";
import { createSiteFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { createShared } from "./nodes.js";

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
  const [folder = join(import.meta.dirname, "pages"), out = "site", ...more] = process.argv.slice(2);
  if (more.length > 0 || folder === "" || out === "") {
    throw new InputError(
      `Expected [folder] [out], got "${process.argv.slice(2).join('" "')}". Write, say: npm start -- notes site`,
    );
  }
  const shared = createShared(folder, out);
  await createSiteFlow().run(shared, { signal: stop.signal });

  const counts = new Map<string, number>();
  for (const [file, outcome] of shared.outcomes) {
    const lost = shared.broken.get(file);
    console.log(`  ${outcome.padEnd(11)}${file}${lost ? `, for there is no ${lost.join(", ")}` : ""}`);
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  const summary = [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(", ");
  console.log(`\n${relative("", folder)} → ${relative("", out)}: ${summary}`);
  if (shared.broken.size > 0) process.exitCode = 1;
}
