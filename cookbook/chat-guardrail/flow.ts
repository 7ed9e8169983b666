// The graph: guard the question → answer → guard the answer → reply; from either guard a refusal.
import { Flow } from "sluice";
import { INSTRUCTIONS, type Llm } from "./llm.js";
import { Answer, Check, Guard, Refuse, Reply, type Shared } from "./nodes.js";
import { contacts, leaks, orders, tooLong } from "./rules.js";

/** Creates the flow of one question. */
export function createGuardedFlow(llm: Llm): Flow<Shared> {
  const questionGuard = new Guard(
    "QuestionGuard",
    [
      new Check("Length", ({ question }) => tooLong(question)),
      new Check("Orders", ({ question }) => orders(question)),
    ],
    [
      new Check("Topic", (what, signal) => llm.judge("topic", what, signal)),
      new Check("Honest", (what, signal) => llm.judge("honest", what, signal)),
    ],
  );
  const answerGuard = new Guard(
    "AnswerGuard",
    [
      new Check("Leak", ({ answer = "" }) => leaks(answer, INSTRUCTIONS)),
      new Check("Contacts", ({ answer = "", guide }) => contacts(answer, guide)),
    ],
    [new Check("Grounded", (what, signal) => llm.judge("grounded", what, signal))],
  );
  const answer = new Answer(llm);
  const refuse = new Refuse();

  questionGuard.branch({ passed: answer, refused: refuse });
  answer.next(answerGuard).branch({ passed: new Reply(), refused: refuse });
  return new Flow(questionGuard, { name: "GuardedChat", strict: true });
}
