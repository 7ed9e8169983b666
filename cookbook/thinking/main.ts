// The program: read thinking.ts first.
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { parsePuzzle, puzzleText } from "./puzzle.js";
import { createThinkingFlow, type Shared } from "./thinking.js";

await program("[jugs … target] [--thoughts 12]", { thoughts: 12 }, async ({ words, flags, run }) => {
  const puzzle = parsePuzzle(words.length > 0 ? words : ["4", "10", "15", "3"]);
  const shared: Shared = { puzzle, most: flags.thoughts, thoughts: 0, plan: [] };
  const model = await connect("thinking");
  console.log(puzzleText(puzzle));
  const ending = await createThinkingFlow(model).run(shared, run);
  if (ending !== "right") process.exitCode = 1;
  const moves = shared.answer?.join(", ") || "it cannot be done";
  console.log(`\n${ending === "right" ? `Checked: ${moves}.` : `No answer. ${shared.objection ?? ""}`}`);
});
