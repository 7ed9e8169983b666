// sluice runs answer: answers a question.
import { text } from "node:stream/consumers";
import { Command } from "commander";
import type { Journal } from "sluice/journal";
import { counted } from "../../view/model/words.js";
import { type Io, quoted, UsageError } from "../io.js";
import { printable } from "../terminal-text.js";
import { type JournalOptions, type OpenJournal, withJournal } from "./open-journal.js";
import { stateOf } from "./run-state.js";

interface AnswerOptions extends JournalOptions {
  readonly json?: boolean;
}

const HELP = `
The value is JSON if it parses as JSON, otherwise text: yes is text, true is a boolean, '"true"'
is text. With --json a value that does not parse is refused. - reads it from standard input.

Examples:
  $ sluice runs answer <token> yes
  $ sluice runs answer <token> '{ "ok": false, "why": "too long" }'
  $ sluice runs answer <token> --json - < verdict.json`;

export const answerCommand = (io: Io): Command =>
  new Command("answer")
    .summary("answer a question")
    .description("Answers a question that a run asks, from any process and at any time.")
    .argument("<token>", "the token of the question; sluice runs show has it")
    .argument("<value>", "the answer, as JSON or as text; - reads it from standard input")
    .option("--json", "refuse a value that is not JSON")
    .addHelpText("after", HELP)
    .action((token: string, value: string, options: AnswerOptions) => answer(token, value, options, io));

async function answer(token: string, given: string, options: AnswerOptions, io: Io): Promise<void> {
  await withJournal(options, async (opened) => {
    const { journal } = opened;
    const question = (await journal.questions()).find((each) => each.token === token);
    const value = parsed(given === "-" ? await text(process.stdin) : given, options.json === true);
    await answered(opened, token, value);
    if (question !== undefined) io.out(await whatNext(journal, question.run));
  });
}

async function answered({ journal, name }: OpenJournal, token: string, value: unknown): Promise<void> {
  try {
    await journal.answer(token, value);
  } catch (error) {
    if ((error as { code?: unknown }).code !== "QUESTION_UNKNOWN") throw error;
    const advice = "sluice runs show <id> has the tokens; a question may also have been withdrawn.";
    throw new UsageError(`the token of an open question in ${name}`, quoted(token), advice);
  }
}

function parsed(given: string, isJson: boolean): unknown {
  try {
    return JSON.parse(given);
  } catch (error) {
    if (!isJson) return given.replace(/\r?\n$/, "");
    throw new UsageError("the value to be JSON", quoted(given), `${printable((error as Error).message)}.`);
  }
}

async function whatNext(journal: Journal, id: string): Promise<string> {
  const run = await journal.run(id);
  const name = printable(id);
  const left = run?.questions.length ?? 0;
  const more = left === 0 ? "" : `, ${counted(left, "question")} still open`;
  if (run !== undefined && stateOf(run) === "running") {
    return `${name}: answered${more}; it is running and continues by itself\n`;
  }
  return `${name}: answered${more}; resume it: sluice runs resume ${/^[\w.-]+$/.test(id) ? id : quoted(id)}\n`;
}
