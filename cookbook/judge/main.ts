// The command line: the only file that reads the environment or prints.
import { constants } from "node:os";
import { parseArgs } from "node:util";
import { EventEmitter } from "eventemitter3";
import type { RunEvents } from "sluice";
import { factsOf } from "./brief.js";
import { createCommissionFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, type Service } from "./llm.js";
import { createShared, type Draft, type Limits } from "./nodes.js";

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
  const { name, limits } = optionsOf(process.argv.slice(2));
  // Where the user stands, or else what this recipe was installed with.
  const facts = await factsOf(name, process.cwd()).catch(() => factsOf(name, import.meta.dirname));
  service = await connect(process.env);
  const { llm, about } = service;
  console.log(`${about}\n\nFacts about ${name}:\n${facts.map((fact) => `  - ${fact}`).join("\n")}`);

  const events = new EventEmitter<RunEvents>();
  let tries = 0;
  events.on("data", ({ data }) => {
    const { text, score, review } = data as Draft;
    const { facts, plain, brief, advice } = review;
    console.log(`\nDraft ${++tries}: ${score} (facts ${facts}, plain ${plain}, brief ${brief})\n  ${text}`);
    for (const each of advice) console.log(`  → ${each}`);
  });
  const shared = createShared(facts, limits);
  const flow = createCommissionFlow({ writer: llm, judge: llm });
  const ending = await flow.run(shared, { signal: stop.signal, events });
  const { best, drafts } = shared;
  if (best === undefined) throw new Error("There is no draft.");
  console.log(
    `\n${ending === "good enough" ? "Good enough" : "Out of tries"}: draft ${drafts.indexOf(best) + 1} is the best.`,
  );
}

function optionsOf(args: string[]): { name: string; limits: Limits } {
  const { values, positionals } = parse(args);
  const [name = "openai", second] = positionals;
  if (second !== undefined) {
    throw new InputError(
      `Expected one package, got "${positionals.join('" and "')}". Leave all but one out.`,
    );
  }
  const good = Number(values.good);
  if (!/^\d+(\.\d+)?$/.test(values.good) || good > 10) {
    throw new InputError(`Expected --good to be a score from 0 to 10, got "${values.good}". Write --good 9.`);
  }
  const tries = Number(values.tries);
  if (!/^\d+$/.test(values.tries) || tries < 1) {
    throw new InputError(
      `Expected --tries to be an integer from 1 up, got "${values.tries}". Write --tries 5.`,
    );
  }
  return { name, limits: { good, tries } };
}

function parse(args: string[]) {
  const text = (value: string) => ({ type: "string", default: value }) as const;
  try {
    return parseArgs({ args, allowPositionals: true, options: { good: text("9"), tries: text("5") } });
  } catch (error) {
    throw new InputError(
      `Expected a package, --good and --tries, got "${args.join(" ")}". ${(error as Error).message}`,
    );
  }
}
