// As a writer it keeps as many sentences as the instructions say; as a judge it compares words.
import type { Answer } from "./serve.js";
import { overlap, sentencesOf, stemsOf } from "./text.js";

export const answer: Answer = ({ schema, messages }) => {
  const [first = "", second = ""] = messages.map(({ text }) => text);
  if (schema === undefined) return sentencesOf(second).slice(0, sentencesOf(first).length).join(" ");
  const trial = JSON.parse(first.slice(first.indexOf("\n\n")));
  const said = stemsOf(trial.answer);
  const verdicts = (trial.criteria as string[]).map((criterion) => {
    const wanted = stemsOf(criterion);
    const found = overlap(wanted, said);
    return { reason: `${found} of ${wanted.size} words are in it.`, met: 2 * found >= wanted.size - 1 };
  });
  return { json: { verdicts } };
};
