// The program: read structured-output.ts first.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { isFailure } from "sluice";
import { program, UsageError } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createOrderFlow, type Shared } from "./structured-output.js";

await program("[mail.txt …]", {}, async ({ words, run }) => {
  const folder = join(import.meta.dirname, "mails");
  const files = words.length > 0 ? words : readdirSync(folder).map((name) => join(folder, name));
  const shared: Shared = { mails: files.map(read) };
  await createOrderFlow(await connect("structured-output")).run(shared, run);
  for (const [at, order] of (shared.orders ?? []).entries()) {
    console.log(`\n${relative("", files[at] ?? "")}`);
    if (isFailure(order)) process.exitCode = 1;
    console.log(isFailure(order) ? `  no order: ${(order.error as Error).message}` : order);
  }
});

function read(file: string): string {
  const text = readFileSync(file, "utf8");
  if (text.trim() !== "") return text;
  throw new UsageError(`Expected a mail in "${file}", got an empty file.`);
}
