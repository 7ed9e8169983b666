// The command line: the only file that reads the environment or prints.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import { createInterface, type Interface } from "node:readline";
import { parseArgs } from "node:util";
import { type ServerType, serve } from "@hono/node-server";
import { Gate } from "sluice";
import { openJournal } from "sluice/journal";
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
  const { topics, port, out, journal: file, stay, leave, decide } = optionsOf(process.argv.slice(2));
  const { llm, about } = await connect(process.env);
  const desk = new Desk();
  const flow = createApprovalFlow({ llm, gate: new Gate({ concurrency: 2 }), folder: out });
  await using journal = await openJournal(file);
  const office = new Office({ desk, flow, journal, signal: stop.signal, goesOn: !decide });
  const page = await readFile(new URL("page.html", import.meta.url), "utf8");
  if (!leave) {
    const server = serve({ fetch: createApp(office, page).fetch, hostname: "127.0.0.1", port });
    console.log(
      `${about}\nDecide here, or at http://127.0.0.1:${await portOf(server, port)}/ where drafts can be added too.`,
    );
  }
  if (live && !leave) console.log(`Here: ${USAGE}\n`);

  const shown = new Map<number, number>();
  desk.watch((paper) => show(paper, shown));
  await office.open();
  const begun = topics.length > 0 || decide || desk.papers.length > 0 ? topics : TOPICS;
  for (const topic of begun) office.start(topic);
  const aborted = once(stop.signal, "abort");
  if (leave) await Promise.race([office.quiet(), aborted]);
  else {
    lines = createInterface({ input: process.stdin });
    void decideByLines(lines, office, shown);
    const looks = setInterval(() => void office.look().catch(report), 500); // for what other processes decide
    await (stay ? aborted : Promise.race([office.idle(), aborted]));
    clearInterval(looks);
  }
  await office.quiet(); // after an abort, what is in flight ends, and is kept
  stop.signal.throwIfAborted();
  conclude(office, out, file);
}

/** Says what has become of all papers. The exit code is 1 where some failed, and 3 where some wait for a person. */
function conclude({ desk, questions }: Office, out: string, file: string): void {
  const are = (state: Paper["state"]) => desk.papers.filter((paper) => paper.state === state).length;
  console.log(`\n${are("published")} of ${desk.papers.length} published in ${out}/`);
  if (are("failed") > 0) process.exitCode = 1;
  if (questions.size === 0) return;
  process.exitCode ??= 3;
  console.log(
    `${questions.size} ${questions.size === 1 ? "waits" : "wait"} in ${file}: npm start goes on. Or decide anywhere:`,
  );
  for (const [id, token] of questions) {
    console.log(`${id}: npx sluice runs answer ${token} '{"verdict":"approve"}' --journal ${file}`);
  }
}

function report(error: unknown): void {
  console.error(error instanceof Error ? error.message : error);
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
  office: Office,
  shown: ReadonlyMap<number, number>,
): Promise<void> {
  const { desk } = office;
  const are = (state: Paper["state"]) => desk.papers.filter((paper) => paper.state === state);
  for await (const line of lines) {
    if (line.trim() === "") continue;
    const command = parseCommand(line);
    if (typeof command === "string") {
      console.log(command);
      continue;
    }
    if (!live && office.goesOn) await until(desk, () => are("decided").length === 0);
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
    const verdict = await office.decide(id, shown.get(id) ?? 0, command.decision);
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
    journal: { type: "string", default: ".approvals.db" },
    stay: { type: "boolean", default: false },
    leave: { type: "boolean", default: false },
    decide: { type: "boolean", default: false },
  } as const;
  const parse = () => parseArgs({ args, options, allowPositionals: true });
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse();
  } catch (error) {
    throw new InputError(
      `Expected [topics…] --port <n> --out <folder> --journal <file> --stay --leave --decide, got "${args.join(" ")}". ${(error as Error).message}`,
    );
  }
  const { values, positionals: topics } = parsed;
  if (!/^\d+$/.test(values.port) || Number(values.port) > 65_535) {
    throw new InputError(
      `Expected --port to be a number from 0 to 65535, got "${values.port}". Correct it, or leave it out.`,
    );
  }
  if (topics.some((topic) => topic.trim() === "")) {
    throw new InputError('Expected topics, got an empty one. Try: npm start -- "our summer sale"');
  }
  if (values.decide && (values.leave || topics.length > 0)) {
    throw new InputError(
      `Expected --decide alone, since it only takes decisions, got "${args.join(" ")}". Start topics without it.`,
    );
  }
  return { ...values, port: Number(values.port), topics };
}
