// The graph: classify → each ticket (decide ⇄ look up) → two counts at once → report.
import { chain, Flow, type Gate, parallel } from "sluice";
import {
  type Case,
  Classify,
  createLetters,
  createReport,
  createUrgent,
  Decide,
  EachTicket,
  type Llm,
  LookUp,
  type Search,
} from "./nodes.js";

export interface Deps {
  readonly llm: Llm;
  readonly search: Search;
  readonly gate: Gate;
}

export function createFlow({ llm, search, gate }: Deps): Flow<Case> {
  const decide = new Decide(llm, gate);
  const lookUp = new LookUp(search);
  decide.branch({ search: lookUp, answer: null });
  lookUp.next(decide);

  const classify = new Classify(llm, gate);
  const each = new EachTicket(decide, { concurrency: 4, attempts: 2, onError: "collect" });
  const report = createReport();
  classify.branch({
    classified: chain(each, parallel([createUrgent(), createLetters()]), report),
    nothing: null,
  });
  return new Flow(classify, { name: "Desk", strict: true });
}
