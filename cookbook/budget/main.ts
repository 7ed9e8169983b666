// The program: read budget.ts first. Prices are those of gpt-4.1-mini; PRICE_INPUT and PRICE_OUTPUT give yours.
import { openJournal } from "sluice/journal";
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createBudgetFlow, runIdOf, type Shared } from "./budget.js";

const ASKED = Array.from({ length: 40 }, (_, at) => `What is ${at + 2} times ${at + 3}?`);
const DEFAULTS = { budget: 500, journal: "budget.db" };

await program("[questions] [--budget 500] [--journal file]", DEFAULTS, async ({ words, flags, run }) => {
  const { PRICE_INPUT: input = 0.4, PRICE_OUTPUT: output = 1.6 } = process.env;
  const flow = createBudgetFlow(await connect("budget"), { input: Number(input), output: Number(output) });
  const shared: Shared = { questions: words.length > 0 ? words : ASKED, answers: {} };
  let spent = 0;
  run.events.on("usage", ({ tokens }) => (spent = tokens));
  await using journal = await openJournal(flags.journal);
  const options = { journal, runId: runIdOf(shared.questions), budget: { tokens: flags.budget } };
  await flow.run(shared, { ...run, ...options }).finally(() => {
    const answers = Object.entries(shared.answers);
    for (const [question, { text, error }] of answers)
      console.log(`${question} ${text ?? `no answer: ${error}`}`);
    if (answers.some(([, { error }]) => error)) process.exitCode = 1;
    console.log(`${answers.length} of ${shared.questions.length} questions for $${(spent / 1e6).toFixed(4)}`);
  });
});
