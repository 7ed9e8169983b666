// The graph: both sides at once → judge → another round, or the decision.
import { Flow, parallel } from "sluice";
import type { Llm } from "./llm.js";
import { Decide, Judge, type Shared, Speak } from "./nodes.js";

/** Who speaks and who judges: one model for all, or better a judge who is none of the speakers. */
export interface DebateDeps {
  readonly for: Llm;
  readonly against: Llm;
  readonly judge: Llm;
}

/** Creates the flow of a debate. */
export function createDebateFlow(deps: DebateDeps): Flow<Shared> {
  const round = parallel<Shared>([new Speak("for", deps.for), new Speak("against", deps.against)], {
    name: "Round",
  });
  const judge = new Judge(deps.judge);
  const decide = new Decide();
  round.next(judge);
  judge.branch({ "another round": round, "clear lead": decide, "time is up": decide });
  return new Flow(round, { name: "Debate", strict: true });
}
