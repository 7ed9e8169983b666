// Fails every other question, as a vendor does on a bad day: the one that answers then is another.
import { calculate } from "./hello-flow.js";
import type { Answer } from "./serve.js";

/** The place of a request decides, so that a second attempt fails too. */
export const options = {
  faults: ({ text }: { text: string }) => (text.length % 2 === 0 ? (500 as const) : undefined),
};

export const answer: Answer = ({ text }) => calculate(text) ?? "I can only calculate.";
