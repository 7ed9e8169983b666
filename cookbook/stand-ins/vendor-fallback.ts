// Fails every other question, like a vendor during an outage; then the second vendor answers.
import { calculate } from "./hello-flow.js";
import type { Answer } from "./serve.js";

/** The position of a request decides, so that a second attempt fails too. */
export const options = {
  faults: ({ text }: { text: string }) => (text.length % 2 === 0 ? (500 as const) : undefined),
};

export const answer: Answer = ({ text }) => calculate(text) ?? "I can only calculate.";
