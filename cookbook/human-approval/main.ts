// The command line: the only file that reads the environment or prints.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import { createInterface, type Interface } from "node:readline";
import { parseArgs } from "node:util";
import { type ServerType, serve } from "@hono/node-server";
import { Gate } from "sluice";
import { createApp } from "./app.js";
import { parseCommand, USAGE } from "./command.js";
import { Desk, type Paper } from "./desk.js";
import { createApprovalFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect } from "./llm.js";
import { Office } from "./office.js";

const TOPICS = ["opening hours in winter", "the new bakery corner", "our ten-year jubilee"];

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    process.exitCode = 128 + constants.signals[signal];
    stop.abort(new Error(`Stopped by ${signal}`));
  });
}

const live = process.stdin.isTTY === true;
let lines: Interface | undefined;
try {
  await main();
} catch (error) {
  if (!stop.signal.aborted) {
    process.exitCode = error instanceof InputError ? 2 : 1;
    console.error(error instanceof InputError ? `error: ${error.message}` : error);
  }
}
// Pages that are still open would keep the server, and with it the program.
lines?.close();
process.exit();

async function main(): Promise<void> {
  const { topics, port, out, stay } = optionsOf(process.argv.slice(2));
  const { llm, about } = await connect(process.env);
  const desk = new Desk();
  const gate = new Gate({ concurrency: 2 });
  const ask = (id: number, signal: AbortSignal) => desk.decision(id, signal);
  const office = new Office(desk, createApprovalFlow({ llm, gate, ask, folder: out }), stop.signal);
  const page = await readFile(new URL("page.html", import.meta.url), "utf8");
  const server = serve({ fetch: createApp(office, page).fetch, hostname: "127.0.0.1", port });
  console.log(
    `${about}\nDecide here, or at http://127.0.0.1:${await portOf(server, port)}/ where drafts can be added too.`,
  );
  if (live) console.log(`Here: ${USAGE}\n`);

  const shown = new Map<number, number>();
  desk.watch((paper) => show(paper, shown));
  for (const topic of topics) office.start(topic);
  lines = createInterface({ input: process.stdin });
  void decideByLines(lines, desk, shown);
  const aborted = once(stop.signal, "abort");
  await (stay ? aborted : Promise.race([office.idle(), aborted]));
  stop.signal.throwIfAborted();
  const failed = desk.papers.filter(({ state }) => state === "failed").length;
  console.log(`\n${desk.papers.length - failed} of ${desk.papers.length} published in ${out}/`);
  if (failed > 0) process.exitCode = 1;
}

function show({ id, topic, state, round, text, rejected, note }: Paper, shown: Map<number, number>): void {
  if (stop.signal.aborted) return;
  if (state === "waiting") {
    shown.set(id, round);
    console.log(`\n${id} · ${topic} · draft ${round}\n  ${text.replaceAll("\n", "\n  ")}`);
  } else if (state === "writing" && round > 1)
    console.log(`${id} is written anew: ${rejected.at(-1)?.feedback}`);
  else if (state === "published") console.log(`${id} is published: ${note}`);
  else if (state === "failed") console.log(`${id} failed: ${note}`);
}

/** Takes decisions line by line. Lines of a file may be ahead of the drafts that they are about, and wait for them. */
async function decideByLines(
  lines: Interface,
  desk: Desk,
  shown: ReadonlyMap<number, number>,
): Promise<void> {
  const are = (state: Paper["state"]) => desk.papers.filter((paper) => paper.state === state);
  for await (const line of lines) {
    if (line.trim() === "") continue;
    const command = parseCommand(line);
    if (typeof command === "string") {
      console.log(command);
      continue;
    }
    if (!live) await until(desk, () => are("decided").length === 0);
    const open = live
      ? are("waiting")
      : desk.papers.filter(({ state }) => state === "waiting" || state === "writing");
    const id = command.id ?? (live && open.length > 1 ? undefined : open[0]?.id);
    if (id === undefined) {
      console.log(
        open.length === 0 ? "None waits." : `Which one? ${open.map((paper) => paper.id).join(", ")} wait.`,
      );
      continue;
    }
    if (!live) await until(desk, () => !are("writing").some((paper) => paper.id === id));
    const verdict = desk.decide(id, shown.get(id) ?? 0, command.decision);
    if (verdict !== "taken") console.log(`${id}: ${verdict}.`);
  }
}

/** Waits until something about the papers is so. */
async function until(desk: Desk, isSo: () => boolean): Promise<void> {
  if (isSo()) return;
  await new Promise<void>((resolve) => {
    const unwatch = desk.watch(() => {
      if (!isSo()) return;
      unwatch();
      resolve();
    });
  });
}

async function portOf(server: ServerType, port: number): Promise<number> {
  const failed = once(server, "error").then(([error]) => error);
  const error = await Promise.race([once(server, "listening").then(() => undefined), failed]);
  if (error?.code === "EADDRINUSE") {
    throw new InputError(
      `Expected a free port, got ${port}, which is in use. Name another with --port, or 0.`,
    );
  }
  if (error !== undefined) throw error;
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}

function optionsOf(args: string[]) {
  const options = {
    port: { type: "string", default: "8788" },
    out: { type: "string", default: "published" },
    stay: { type: "boolean", default: false },
  } as const;
  let parsed: { values: { port: string; out: string; stay: boolean }; positionals: string[] };
  try {
    parsed = parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new InputError(
      `Expected [topics…] --port <n> --out <folder> --stay, got "${args.join(" ")}". ${(error as Error).message}`,
    );
  }
  const { values, positionals } = parsed;
  if (!/^\d+$/.test(values.port) || Number(values.port) > 65_535) {
    throw new InputError(
      `Expected --port to be a number from 0 to 65535, got "${values.port}". Correct it, or leave it out.`,
    );
  }
  if (positionals.some((topic) => topic.trim() === "")) {
    throw new InputError('Expected topics, got an empty one. Try: npm start -- "our summer sale"');
  }
  return { ...values, port: Number(values.port), topics: positionals.length > 0 ? positionals : TOPICS };
}
