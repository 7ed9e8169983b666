// Picks the most central sentences of a document, and, like a vendor, refuses more requests than its limit.
import type { Answer } from "./serve.js";
import { central } from "./text.js";

export const options = { requests: 6_000, per: 60_000, delay: 100 };

export const answer: Answer = ({ text }) => {
  const prose = text
    .slice(text.indexOf("\n"))
    .replaceAll(/```[\s\S]*?```|<[^>]*>|!\[[^\]]*\]\([^)]*\)/g, " ")
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/^#.*$|^\s*[-|*>=].*$/gm, " ");
  return central(prose, 3) || text.trim().split("\n").at(-1) || "Nothing.";
};
