// The command line: the only file that reads the environment or prints.
import { readdir, readFile } from "node:fs/promises";
import { constants } from "node:os";
import { join, relative } from "node:path";
import { createOrderFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, type Service } from "./llm.js";
import type { Shared } from "./nodes.js";
import type { Order } from "./schema.js";

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
  const mails = await readMails(process.argv.slice(2));
  service = await connect(process.env);
  console.log(service.about);
  const flow = createOrderFlow(service);
  for (const { file, text } of mails) {
    const shared: Shared = { mail: text, refused: [] };
    const outcome = await flow.run(shared, { signal: stop.signal });
    console.log(`\n${relative("", file)}: ${outcome} after ${answersOf(shared)}`);
    for (const { problems } of shared.refused) console.log(`  refused: ${problems.join("\n           ")}`);
    if (shared.order === undefined) process.exitCode = 1;
    else console.log(orderText(shared.order));
  }
}

function answersOf({ refused, order }: Shared): string {
  const count = refused.length + (order === undefined ? 0 : 1);
  return count === 1 ? "1 answer" : `${count} answers`;
}

function orderText({ customer, lines, total }: Order): string {
  const rows = lines.map(
    ({ quantity, article, price }) =>
      `  ${String(quantity).padStart(4)} × ${article.padEnd(16)}${price.toFixed(2).padStart(10)}`,
  );
  return [`  ${customer}`, ...rows, `  ${"total".padEnd(23)}${total.toFixed(2).padStart(10)}`].join("\n");
}

async function readMails(files: readonly string[]): Promise<{ file: string; text: string }[]> {
  const folder = join(import.meta.dirname, "mails");
  const paths = files.length > 0 ? files : (await readdir(folder)).sort().map((name) => join(folder, name));
  return Promise.all(
    paths.map(async (file) => {
      const text = await readFile(file, "utf8").catch((error) => {
        throw new InputError(
          `Expected files with one mail each, got "${file}": ${error.message}. Correct the path.`,
        );
      });
      if (text.trim() !== "") return { file, text };
      throw new InputError(
        `Expected a mail in "${file}", got an empty file. Put the text of a mail into it.`,
      );
    }),
  );
}
