// The command line: the only file that reads the environment or prints.
import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import { EventEmitter } from "eventemitter3";
import type { RunEvents } from "sluice";
import { z } from "zod";
import { createSupervisorFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect } from "./llm.js";
import { createShared, type Progress } from "./nodes.js";
import { type Case, sampleCase } from "./sample.js";

const caseFile = z.object({ letter: z.string().min(1), records: z.record(z.string(), z.string()) });

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
  const work = await caseOf(process.argv.slice(2));
  const service = await connect(process.env);
  close = service.close;
  console.log(`${service.about}\n\n${indent(work.letter)}`);

  const events = new EventEmitter<RunEvents>();
  events.on("data", ({ data }) => tell(data as Progress));
  const shared = createShared(work);
  await createSupervisorFlow({ llm: service.llm }).run(shared, {
    signal: stop.signal,
    events,
    maxSteps: 100,
  });
  if (shared.outcome === "approved") {
    console.log(`\nApproved after ${shared.rejected} rejected drafts.`);
    return;
  }
  console.log(`\nA person has to answer this letter: ${shared.rejected} drafts were rejected.`);
  process.exitCode = 1;
}

function tell(progress: Progress): void {
  if ("lookedUp" in progress) console.log(`The worker looks up: ${progress.lookedUp}`);
  else if ("draft" in progress) console.log(`\nThe worker writes:\n${indent(progress.draft)}`);
  else for (const objection of progress.objections) console.log(`Sent back by ${progress.by}: ${objection}`);
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "  ");
}

async function caseOf(args: readonly string[]): Promise<Case> {
  const [path, second] = args;
  if (path === undefined) return sampleCase;
  if (second !== undefined || path.startsWith("-")) {
    throw new InputError(
      `Expected at most one file with a case, got "${args.join(" ")}". Give one, or none.`,
    );
  }
  const text = await readFile(path, "utf8").catch((error: Error) => {
    throw new InputError(
      `Expected a file with a case, got "${path}": ${error.message}. Name one that can be read.`,
    );
  });
  try {
    return caseFile.parse(JSON.parse(text));
  } catch {
    throw new InputError(
      `Expected JSON such as {"letter": "…", "records": {"refunds": "…"}} in "${path}", got something else. Correct it.`,
    );
  }
}
