// A model on this machine, for those who have no key: aimock speaks OpenAI's protocol, and the diagram is made by
// rules from the text's own sentences. Like a model it writes labels as they come, and learns from the parser.
import { type ChatCompletionRequest, LLMock } from "@copilotkit/aimock";

/** Starts a stand-in on a free loopback port. */
export async function startStandIn(): Promise<{ url: string; close: () => Promise<void> }> {
  const mock = new LLMock({ host: "127.0.0.1", port: 0, journalMaxEntries: 1 });
  mock.on({ endpoint: "chat" }, ({ messages }: ChatCompletionRequest) => {
    const [text = "", ...errors] = messages
      .filter(({ role }) => role === "user")
      .map(({ content }) => String(content));
    return { content: drawText(text, errors.join("\n")) };
  });
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}

/** Draws a text, a node for each sentence; `errors` is what the parser said about the earlier diagrams. */
export function drawText(text: string, errors: string): string {
  // A word that Mermaid keeps for itself cannot be a node's name; any other complaint is taken for one about labels.
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
