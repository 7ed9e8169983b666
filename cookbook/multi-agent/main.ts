// The program: read multi-agent.ts first.
import { program } from "../lib/main.js";
import { connect } from "../lib/model.js";
import { type Card, createGameFlow, createShared } from "./multi-agent.js";

const CARDS: readonly Card[] = [
  { word: "snowman", taboo: ["winter", "carrot"] },
  { word: "volcano", taboo: ["eruption", "mountain"] },
  { word: "guitar", taboo: ["rock", "electric"] },
];

await program("[word taboo …] [--hints 8]", { hints: 8 }, async ({ words: [word, ...taboo], flags, run }) => {
  const drawn = CARDS[Math.floor(Math.random() * CARDS.length)] as Card;
  const shared = createShared(word === undefined ? drawn : { word, taboo }, flags.hints);
  const model = await connect("multi-agent"); // or one for each agent
  const { card } = shared.hinter;
  console.log(`The word is ${card.word}; taboo: ${card.taboo.join(", ") || "nothing else"}.`);
  await createGameFlow(model, model).run(shared, run);
  console.log(`${shared.isGuessed ? "Guessed" : "Not guessed"}; hints: ${shared.hinter.hints.length}.`);
});
