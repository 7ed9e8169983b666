// The command line: the only file that reads the environment or prints.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { Gate } from "sluice";
import { chart } from "./chart.js";
import { condense, createCondenseFlow, createTagFlow, tag } from "./flow.js";
import { InputError } from "./input-error.js";
import { Ledger } from "./ledger.js";
import { connect, type Limits, type Service } from "./llm.js";
import { lines, passages, type Shared } from "./nodes.js";

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
  const { file, own, most } = optionsOf(process.argv.slice(2));
  const document = await readDocument(file);
  const [tags, sentences] = [
    Math.min(most, lines(document).length),
    Math.min(most / 3, passages(document).length),
  ];
  const calls = tags + Math.ceil(sentences);
  service = await connect(process.env, own, calls);
  const { llm, limits } = service;
  const perSecond = { requests: limits.requests / 60, tokens: limits.tokens / 60 };
  console.log(
    `${service.about}\nLimits: ${limits.requests.toLocaleString("en")} requests and ` +
      `${limits.tokens.toLocaleString("en")} tokens a minute, for both flows together.\n`,
  );

  const gate = new Gate({ rate: { ...limits, per: 60_000, burst: 200 } });
  const ledger = new Ledger();
  const stores = [newStore(document), newStore(document)] as const;
  const began = performance.now();
  await Promise.all([
    createTagFlow({ llm, gate, ledger, most }).run(stores[0], { signal: stop.signal }),
    createCondenseFlow({ llm, gate, ledger, most: Math.ceil(most / 3) }).run(stores[1], {
      signal: stop.signal,
    }),
  ]);
  const took = performance.now() - began;

  console.log("Calls started, requests a second:  █ Tag  ▒ Condense  × refused with 429\n");
  console.log(chart(ledger.calls, { marks: { Tag: "█", Condense: "▒" }, limit: perSecond }));
  console.log("\n               texts   answers   calls   refused   paid twice");
  for (const [at, { name }] of [tag, condense].entries()) {
    const { texts = [], answers } = stores[at] as Shared;
    const { sent, refused, paidTwice } = ledger.bill(name);
    const answered = answers.filter((answer) => answer !== undefined).length;
    const [a, b, c, d, e] = [texts.length, answered, sent, refused, paidTwice].map(String) as string[];
    console.log(
      `  ${name.padEnd(10)}${a?.padStart(8)}${b?.padStart(10)}${c?.padStart(8)}${d?.padStart(10)}${e?.padStart(13)}`,
    );
  }
  const burst = Math.ceil(0.2 * perSecond.requests);
  console.log(
    `\n${(took / 1_000).toFixed(1)} s in all. The busiest second had ${ledger.busiest(1_000)} calls, where ` +
      `${Math.round(perSecond.requests)} and ${burst} saved up are allowed.`,
  );
  const errors = stores.flatMap((store) => store.errors);
  if (errors.length > 0) {
    console.error(`\n${errors.length} without an answer, such as: ${errors[0]}`);
    process.exitCode = 1;
  }
}

function newStore(document: string): Shared {
  return { document, answers: [], errors: [] };
}

async function readDocument(file: string | undefined): Promise<string> {
  const path =
    file ?? join(dirname(createRequire(import.meta.url).resolve("sluice/package.json")), "README.md");
  const document = await readFile(path, "utf8").catch((error) => {
    throw new InputError(`Expected a text to work on, got "${path}": ${error.message}. Name another file.`);
  });
  if (lines(document).length > 0) return document;
  throw new InputError(
    `Expected "${path}" to have lines of 40 letters and more, got none. Name another file.`,
  );
}

function optionsOf(args: string[]): { file: string | undefined; own: Partial<Limits>; most: number } {
  const option = { type: "string" } as const;
  let parsed: { values: { rpm?: string; tpm?: string; most?: string }; positionals: string[] };
  try {
    parsed = parseArgs({ args, options: { rpm: option, tpm: option, most: option }, allowPositionals: true });
  } catch (error) {
    throw new InputError(
      `Expected [file] --rpm <n> --tpm <n> --most <n>, got "${args.join(" ")}". ${(error as Error).message}`,
    );
  }
  const { values, positionals } = parsed;
  if (positionals.length > 1) {
    throw new InputError(`Expected one file at most, got "${positionals.join(" ")}". Leave the others out.`);
  }
  const number = (name: "rpm" | "tpm" | "most", least: number) => {
    const text = values[name];
    if (text === undefined) return undefined;
    if (/^\d{1,9}$/.test(text) && Number(text) >= least) return Number(text);
    throw new InputError(`Expected --${name} to be an integer from ${least} up, got "${text}". Correct it.`);
  };
  const [requests, tokens] = [number("rpm", 1), number("tpm", 1_000)];
  return {
    file: positionals[0],
    own: { ...(requests && { requests }), ...(tokens && { tokens }) },
    most: number("most", 3) ?? 72,
  };
}
