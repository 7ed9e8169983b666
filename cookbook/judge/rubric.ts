// What makes a text good, and how much each part counts. Arithmetic is for code: the model gives marks only.
import { z } from "zod";

const mark = z.number().min(0).max(10);

/** A judge's marks, and what would raise them. */
export const review = z.object({ facts: mark, plain: mark, brief: mark, advice: z.array(z.string()).max(8) });
export type Review = z.infer<typeof review>;

const WEIGHTS = { facts: 0.5, plain: 0.25, brief: 0.25 } as const;

/** The marks in one number from 0 to 10. */
export function scoreOf(marks: Omit<Review, "advice">): number {
  const { facts, plain, brief } = WEIGHTS;
  const score = marks.facts * facts + marks.plain * plain + marks.brief * brief;
  return Math.round(score * 10) / 10;
}

/** The most words that a brief text has. */
export const MOST_WORDS = 50;
