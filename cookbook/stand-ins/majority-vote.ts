// Calculates sums and products, and makes a different mistake in two answers of five.
import type { Answer } from "./serve.js";

export const answer: Answer = ({ text, index }) => {
  const sum = /-?\d+(?:\s*[-+*]\s*\d+)+/.exec(text)?.[0]?.replaceAll(" ", "");
  if (sum === undefined) return { json: { reasoning: "I can only calculate.", answer: "unknown" } };
  const slip = index % 5 === 1 ? "leftToRight" : index % 5 === 3 ? "short" : "none";
  return {
    json: {
      reasoning: `I take ${sum}.`,
      answer: String(calculate(slip === "short" ? sum.replace(/[-+*]\d+$/, "") : sum, slip)),
    },
  };
};

function calculate(sum: string, slip: string): number {
  const terms = sum.match(/[-+]?\d+(?:\*\d+)*/g) ?? [];
  const productOf = (term: string) =>
    term
      .split("*")
      .map(Number)
      .reduce((a, b) => a * b);
  if (slip !== "leftToRight") return terms.map(productOf).reduce((a, b) => a + b, 0);
  const steps = sum.match(/[-+*]?\d+/g) ?? [];
  return steps.reduce(
    (all, step) => (step.startsWith("*") ? all * Number(step.slice(1)) : all + Number(step)),
    0,
  );
}
