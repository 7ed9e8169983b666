// The command line: the only file that reads the environment or prints.
import { constants } from "node:os";
import { parseArgs } from "node:util";
import { createVoteFlow } from "./flow.js";
import { InputError } from "./input-error.js";
import { connect, type Service } from "./llm.js";
import { createShared, type Shared } from "./nodes.js";

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
  const { question, votes, most } = options(process.argv.slice(2));
  service = await connect(process.env);
  console.log(`${service.about}\n\nQuestion: ${question}\n`);
  const shared = createShared(question, votes);
  await createVoteFlow({ llm: service.llm, most }).run(shared, { signal: stop.signal });
  console.log(report(shared));
  if (shared.winner === undefined) process.exitCode = 1;
}

function report({ tally, votes, failures, rounds, winner }: Shared): string {
  const width = Math.max(...tally.map(({ answer }) => answer.length), 0);
  const rows = tally.map(({ answer, count }) => `  ${answer.padEnd(width)}  ${"■".repeat(count)} ${count}`);
  const without = failures.length > 0 ? `, ${failures.length} without an answer (${failures[0]})` : "";
  const result =
    winner === undefined
      ? "No answer has more votes than all others"
      : `The answer is ${winner.answer}, by ${winner.count} of ${votes.length} votes`;
  return [...rows, `\n${result}, in ${rounds} ${rounds === 1 ? "round" : "rounds"}${without}.`].join("\n");
}

function options(args: string[]): { question: string; votes: number; most: number } {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { votes: { type: "string", default: "5" }, most: { type: "string", default: "15" } },
    });
    const [votes = 0, most = 0] = [values.votes, values.most].map(Number);
    if (![votes, most].every((count) => Number.isSafeInteger(count) && count >= 1 && count <= 100)) {
      throw new Error("votes are counted from 1 to 100");
    }
    if (votes > most) throw new Error(`${votes} votes are more than the ${most} there may be at most`);
    const question = positionals.join(" ").trim();
    if (positionals.length > 0 && question === "") throw new Error("the question is empty");
    return { question: question || "What is 7 + 8 * 12 - 5?", votes, most };
  } catch (error) {
    throw new InputError(
      `Expected [question] [--votes n] [--most n], got "${args.join(" ")}": ${(error as Error).message}. Write, say: npm start -- --votes 7 "What is 7 + 8 * 12 - 5?"`,
    );
  }
}
