// The graph: two flows that run at once and meet only in their mailboxes.
import { Flow, parallel } from "sluice";
import type { Llm } from "./llm.js";
import { GiveHint, Guess, JudgeGuess, Listen, type Shared } from "./nodes.js";

/** What the players think with: the same model, or one each. */
export interface GameDeps {
  readonly hinter: Llm;
  readonly guesser: Llm;
}

/** Creates the flow of one game. */
export function createGameFlow(deps: GameDeps): Flow<Shared> {
  const giveHint = new GiveHint(deps.hinter);
  const judge = new JudgeGuess();
  giveHint.next(judge);
  judge.branch({ wrong: giveHint, right: null, "out of hints": null });

  const listen = new Listen();
  const guess = new Guess(deps.guesser);
  listen.branch({ "heard a hint": guess, "game over": null });
  guess.next(listen);

  // If one player fails, `parallel` ends the other one, who would wait for ever.
  const players = [new Flow(giveHint, { name: "Hinter" }), new Flow(listen, { name: "Guesser" })];
  return new Flow(parallel(players, { name: "Players" }), { name: "Game" });
}
