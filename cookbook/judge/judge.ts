// One model writes, and another one grades by a rubric and gives advice, until the text is good enough.
import { Flow, node } from "sluice";
import { z } from "zod";
import type { Model } from "../lib/model.js";

const mark = z.number().min(0).max(10);
const Review = z.object({
  facts: mark.describe("Each fact is in the text, and nothing else is claimed."),
  plain: mark.describe("No praise, no slogan."),
  brief: mark.describe("At most 50 words."),
  advice: z.array(z.string()).max(8).describe("What would raise each mark under 10."),
});
type Review = z.infer<typeof Review>;

export interface Draft {
  readonly text: string;
  readonly review: Review;
  readonly score: number;
}

export interface Shared {
  readonly facts: readonly string[];
  /** The least score of a good draft, and the largest number of drafts. */
  readonly good: number;
  readonly tries: number;
  text?: string;
  readonly drafts: Draft[];
  /** The best draft is kept and revised, not the last one, because a revision can be worse. */
  best?: Draft;
}

const WRITE =
  "Write an introduction of a software package in one paragraph of at most 50 words, from these facts and nothing else.";
const REVISE = "Here is a draft with advice. Write a better one that follows the advice.";
const JUDGE =
  "Mark this introduction of a software package from 0 to 10. 10 means that nothing could be better.";

/** Facts count half. The model gives the marks; code has the weights, the sum and the threshold. */
const scoreOf = ({ facts, plain, brief }: Review) =>
  Math.round(10 * (facts / 2 + plain / 4 + brief / 4)) / 10;

/** @param judge - Better another model than the writer, which favours its own texts. */
export function createCommissionFlow(writer: Model, judge: Model): Flow<Shared> {
  const write = node({
    name: "Write",
    ...writer.calls,
    prep: ({ facts, best }: Shared) =>
      [WRITE, facts.join("\n"), ...(best ? [REVISE, best.text, best.review.advice.join("\n")] : [])].join(
        "\n\n",
      ),
    exec: (prompt, ctx) => writer.chat(prompt, ctx),
    post: (shared, _prompt, text) => {
      shared.text = text;
    },
  });

  const review = node({
    name: "Judge",
    ...judge.calls,
    requires: ["text"],
    // No earlier marks, which would bias the judge.
    prep: ({ facts, text = "" }: Shared) => ({
      text,
      prompt: [JUDGE, `Facts:\n${facts.join("\n")}`, `Text:\n${text}`].join("\n\n"),
    }),
    exec: ({ prompt }, ctx) => judge.json("review", Review, prompt, ctx),
    post: (shared, { text }, marks, { emit }) => {
      const draft = { text, review: marks, score: scoreOf(marks) };
      shared.drafts.push(draft);
      if (draft.score > (shared.best?.score ?? -1)) shared.best = draft;
      void emit(
        `\nDraft ${shared.drafts.length}, ${draft.score} of 10: ${text}\n  ${marks.advice.join("\n  ")}`,
      );
      if (draft.score >= shared.good) return "good enough";
      return shared.drafts.length < shared.tries ? "revise" : "out of tries";
    },
  });

  write.next(review);
  review.branch({ revise: write, "good enough": null, "out of tries": null });
  return new Flow(write, { name: "Commission" });
}
