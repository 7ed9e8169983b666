// Makes a diagram from the sentences of the text by rules. Like a model it does not escape labels at first, and
// corrects them after errors of the parser.
import type { Answer } from "./serve.js";

export const answer: Answer = ({ messages }) => {
  const prompt = messages[0]?.text ?? "";
  const { text, refused } = JSON.parse(prompt.slice(prompt.indexOf("\n\n")));
  const errors = (refused as { error: string }[]).map(({ error }) => error).join("\n");
  return { json: { mermaid: drawText(text, errors) } };
};

/** Draws a text, a node for each sentence; `errors` is what the parser said about the earlier diagrams. */
function drawText(text: string, errors: string): string {
  // A reserved word of Mermaid cannot be the name of a node; any other error is treated as one about labels.
  const reserved = /got 'end'/.test(errors);
  const quoted = /got '(?!end')/.test(errors);
  const lines = ["flowchart TD"];
  const names = new Set<string>();
  let open: string[] = [];

  const node = (words: string, [left, right]: string, arrow = "-->", from = open) => {
    const label = words.trim().replace(/^./, (letter) => letter.toUpperCase());
    const word = reserved ? "step" : (/\w+/.exec(label.toLowerCase())?.[0] ?? "step");
    const name = names.has(word) || reserved ? `${word}${names.size + 1}` : word;
    names.add(name);
    lines.push(`  ${name}${left}${quoted ? `"${label.replaceAll('"', "#quot;")}"` : label}${right}`);
    for (const before of from) lines.push(`  ${before} ${arrow} ${name}`);
    return name;
  };

  for (const sentence of text.replaceAll(/\s+/g, " ").split(/(?<=[.!?]) /)) {
    const [, condition, yes = "", no] =
      /^If (.+?), (.+?)(?:; otherwise,? (.+?))?[.!?]?$/i.exec(sentence.trim()) ?? [];
    if (condition === undefined) {
      open = [node(sentence.replace(/[.!?]$/, ""), "[]")];
      continue;
    }
    const decision = node(`${condition}?`, "{}");
    open = [node(yes, "[]", "-->|yes|", [decision])];
    open.push(no === undefined ? decision : node(no, "[]", "-->|no|", [decision]));
  }
  return lines.join("\n");
}
