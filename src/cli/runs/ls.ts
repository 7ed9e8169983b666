// sluice runs ls: lists runs in a table.
import { Command } from "commander";
import type { RunInfo, WaitingQuestion } from "sluice/journal";
import { nearest } from "../../base/nearest.js";
import { counted } from "../../view/model/words.js";
import { type Io, quoted, UsageError } from "../io.js";
import { countOf } from "../numbers.js";
import { age, jsonOf, table } from "../terminal-text.js";
import { type JournalOptions, withJournal, withoutSecrets } from "./open-journal.js";
import { shortQuestion } from "./question-text.js";
import { type RunState, runsOf, STATES, stateOf } from "./run-state.js";

interface LsOptions extends JournalOptions {
  readonly state?: string;
  readonly limit: string;
  readonly json?: boolean;
}

const HELP = `
A run is interrupted if its process has died: sluice runs resume continues it.

Examples:
  $ sluice runs ls
  $ sluice runs ls --state suspended --limit 10
  $ sluice runs ls --json | jq -r '.[].id'`;

export const lsCommand = (io: Io): Command =>
  new Command("ls")
    .summary("list the runs, the newest first")
    .description("Lists runs, newest first, with their state and their open questions or errors.")
    .option("-s, --state <state>", `only those: ${STATES.join(", ")}`)
    .option("-n, --limit <number>", "at most so many", "50")
    .option("--json", "print JSON")
    .addHelpText("after", HELP)
    .action((options: LsOptions) => ls(options, io));

async function ls(options: LsOptions, io: Io): Promise<void> {
  const state = stateNamed(options.state);
  const limit = countOf(options.limit, "--limit");
  await withJournal(options, async ({ journal, name }) => {
    const found = await runsOf(journal, { state, limit: limit + 1 });
    const runs = found.slice(0, limit);
    const questions = runs.some(waits) ? await journal.questions() : [];
    const byRun = new Map(runs.map(({ id }) => [id, [] as WaitingQuestion[]]));
    for (const question of questions) byRun.get(question.run)?.push(question);
    const questionsOf = (run: RunInfo) => (waits(run) ? (byRun.get(run.id) ?? []) : []);
    if (options.json) {
      io.out(
        `${jsonOf(runs.map((run) => ({ ...withoutSecrets(run), state: stateOf(run), questions: questionsOf(run).length })))}\n`,
      );
    } else if (runs.length > 0) {
      const now = Date.now();
      const rows = runs.map((run) => rowOf(run, questionsOf(run), now));
      io.out(table([["ID", "STATE", "FLOW", "STEPS", "AGE", "WAITS FOR / ERROR"], ...rows], io.columns));
    } else io.err(`no runs${state === undefined ? "" : ` that are ${state}`} in ${name}\n`);
    if (found.length > limit) io.err(`more runs are older than these: raise --limit ${limit}\n`);
  });
}

/** Questions of a run that is over can no longer be answered. */
const waits = ({ state }: RunInfo): boolean => state !== "done" && state !== "cancelled";

function rowOf(run: RunInfo, questions: readonly WaitingQuestion[], now: number): string[] {
  const { id, flow, steps, createdAt, error } = withoutSecrets(run);
  return [id, stateOf(run), flow, String(steps), age(now - createdAt.getTime()), whyOf(error, questions)];
}

function whyOf(error: string | undefined, [first, ...more]: readonly WaitingQuestion[]): string {
  if (first === undefined) return (error ?? "").split("\n", 1)[0] as string;
  const question = shortQuestion(first.question);
  return more.length === 0 ? question : `${counted(more.length + 1, "answer")}: ${question}`;
}

function stateNamed(given: string | undefined): RunState | undefined {
  const state = STATES.find((each) => each === given);
  if (given === undefined || state !== undefined) return state;
  const close = nearest(given, STATES);
  const advice = close === undefined ? `It is one of: ${STATES.join(", ")}.` : `Did you mean ${close}?`;
  throw new UsageError("--state to be a state of a run", quoted(given), advice);
}
