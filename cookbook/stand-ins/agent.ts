// Searches for the parts of the question in turn, and answers with the best sentence for each.
import type { Answer } from "./serve.js";
import { overlap, sentencesOf, stemsOf } from "./text.js";

interface Finding {
  readonly query: string;
  readonly passages: readonly { readonly source: string; readonly text: string }[];
}

export const answer: Answer = ({ schema, text }) => {
  const [, question = "", json = "[]"] = /Question: (.*)\n\n(.*)/s.exec(text) ?? [];
  const parts = question
    .split(/[?;]|,? and (?=how|what|which|who|why|when|where|can|does|is)/i)
    .filter((part) => part.trim());
  const findings = JSON.parse(json) as Finding[];
  if (schema === undefined) return parts.map((part) => best(part, findings)).join("\n");
  const next = parts[findings.length];
  if (next === undefined)
    return { json: { thought: "Each part was searched for.", action: "answer", query: "" } };
  const query = [...(next.match(/[\p{L}-]{4,}/gu) ?? [])].join(" ") || next;
  return {
    json: {
      thought: `Nothing is known yet of part ${findings.length + 1} of ${parts.length}.`,
      action: "search",
      query,
    },
  };
};

function best(part: string, findings: readonly Finding[]): string {
  const wanted = stemsOf(part);
  const found = findings
    .flatMap(({ passages }) => passages)
    .flatMap(({ source, text }) =>
      sentencesOf(text.replaceAll(/```[\s\S]*?```/g, "")).map((sentence) => ({ source, sentence })),
    )
    .map((each) => ({ ...each, score: overlap(wanted, stemsOf(`${each.sentence} ${each.source}`)) }))
    .sort((a, b) => b.score - a.score)[0];
  return found === undefined || found.score === 0
    ? `I found nothing about “${part.trim()}”.`
    : `${found.sentence} [${found.source}]`;
}
