// The graph: question → answer, over and over, with a way round for answers that were stopped.
import { Flow } from "sluice";
import type { Llm } from "./llm.js";
import { Answer, NoteStop, type Shared, TakeQuestion } from "./nodes.js";
import type { Person } from "./person.js";

/** What the flow works with. */
export interface TalkDeps {
  readonly llm: Llm;
  readonly person: Person;
}

/** Creates the flow of one conversation. */
export function createTalkFlow({ llm, person }: TalkDeps): Flow<Shared> {
  const question = new TakeQuestion(person);
  const answer = new Answer(llm, person);
  const note = new NoteStop();
  question.branch({ asked: answer, "no more": null });
  answer.branch({ finished: question, stopped: note });
  note.next(question);
  return new Flow(question, { name: "Talk" });
}
