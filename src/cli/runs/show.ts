// sluice runs show: shows one run with its open questions.
import { Command } from "commander";
import type { RunDetails } from "sluice/journal";
import { amount, counted } from "../../view/model/words.js";
import type { Io } from "../io.js";
import { age, jsonOf, printable, printableLines } from "../terminal-text.js";
import { type JournalOptions, runNamed, withJournal, withoutSecrets } from "./open-journal.js";
import { longQuestion, valueLines } from "./question-text.js";
import { stateOf } from "./run-state.js";

interface ShowOptions extends JournalOptions {
  readonly json?: boolean;
}

const HELP = `
Examples:
  $ sluice runs show nightly
  $ sluice runs show nightly --json | jq -r '.questions[].token'`;

/** The maximum of questions shown; --json has all. */
const MOST_SHOWN = 100;

export const showCommand = (io: Io): Command =>
  new Command("show")
    .summary("show a run, with its open questions and their tokens")
    .description("Shows what the journal knows of a run, with its open questions and their tokens.")
    .argument("<id>", "the id of the run")
    .option("--json", "print JSON")
    .addHelpText("after", HELP)
    .action((id: string, options: ShowOptions) => show(id, options, io));

async function show(id: string, options: ShowOptions, io: Io): Promise<void> {
  await withJournal(options, async (opened) => {
    const run = withoutSecrets(await runNamed(opened, id));
    io.out(
      options.json ? `${jsonOf({ ...run, state: stateOf(run) })}\n` : textOf(run, Date.now(), io.columns),
    );
    if (!options.json && run.questions.length > MOST_SHOWN) {
      io.err(`${amount(run.questions.length - MOST_SHOWN)} more questions: --json has them all\n`);
    }
  });
}

function textOf(run: RunDetails, now: number, width: number | undefined): string {
  const { id, owner, flow, steps, calls, tokens, action, error, params, questions } = run;
  const time = (at: Date) => `${at.toISOString()} (${age(now - at.getTime())} ago)`;
  const rows: (readonly [string, string | undefined])[] = [
    ["run", printable(id)],
    ["state", stateOf(run)],
    ["process", owner === undefined ? undefined : printable(owner)],
    ["flow", printable(flow)],
    ["steps", amount(steps)],
    ["calls", calls === 0 ? undefined : amount(calls)],
    ["tokens", tokens === 0 ? undefined : amount(tokens)],
    ["action", action === undefined ? undefined : printable(action)],
    ["error", error === undefined ? undefined : indented(error)],
    ["params", Object.keys(params).length === 0 ? undefined : valueLines(params, INDENT, width)],
    ["created", time(run.createdAt)],
    ["updated", time(run.updatedAt)],
  ];
  const lines = rows.map(([name, text]) =>
    text === undefined ? "" : `${name.padEnd(INDENT.length)}${text}\n`,
  );
  if (questions.length > 0) {
    const asked = questions.slice(0, MOST_SHOWN).map((question) => longQuestion(question, now, width));
    lines.push(`\n${counted(questions.length, "open question")}\n\n`, asked.join("\n"));
  }
  return lines.join("");
}

const INDENT = " ".repeat(9);
const indented = (text: string): string => printableLines(text).replaceAll("\n", `\n${INDENT}`);
