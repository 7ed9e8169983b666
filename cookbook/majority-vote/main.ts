// The program: read majority-vote.ts first.
import { program, UsageError } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { createVoteFlow, type Shared } from "./majority-vote.js";

await program("[question] [--votes 5] [--most 15]", { votes: 5, most: 15 }, async ({ words, flags, run }) => {
  const { votes: asking, most } = flags;
  if (asking > most) throw new UsageError(`Expected --votes to be at most --most (${most}), got ${asking}.`);
  const question = words.join(" ") || "What is 7 + 8 * 12 - 5?";
  const shared: Shared = { question, asking, most, asked: 0, votes: [] };
  await createVoteFlow(await connect("majority-vote")).run(shared, run);
  const { winner, votes, asked } = shared;
  console.log(`Question: ${question}\nVotes:    ${votes.join(", ")} (of ${asked} asked for)`);
  if (winner === undefined) process.exitCode = 1;
  console.log(
    winner
      ? `Answer:   ${winner.answer}, by ${winner.count} votes`
      : "No answer has more votes than all others.",
  );
});
