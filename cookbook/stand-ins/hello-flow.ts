// Answers arithmetic questions.
import type { Answer } from "./serve.js";

export const answer: Answer = ({ text }) => calculate(text) ?? "I am a stand-in, and can only calculate.";

export function calculate(text: string): string | undefined {
  const [, left, sign, right] =
    /(-?\d+(?:\.\d+)?) *([-+*×/]|plus|minus|times) *(-?\d+(?:\.\d+)?)/i.exec(text) ?? [];
  if (left === undefined) return undefined;
  const [a, b] = [Number(left), Number(right)];
  const result = /^(\+|plus)$/.test(sign ?? "")
    ? a + b
    : /^(-|minus)$/.test(sign ?? "")
      ? a - b
      : sign === "/"
        ? a / b
        : a * b;
  return `It is ${Number(result.toFixed(6))}.`;
}
