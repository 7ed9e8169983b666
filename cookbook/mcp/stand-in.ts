// A model on this machine, for those who have no key: aimock speaks OpenAI's protocol. It knows no tool beforehand: it
// picks one by its description, and takes the arguments from the question as the tool's schema asks for them.
import { type ChatCompletionRequest, type ChatMessage, LLMock } from "@copilotkit/aimock";

/** Starts a stand-in on a free loopback port. */
export async function startStandIn(): Promise<{ readonly url: string; readonly close: () => Promise<void> }> {
  const mock = new LLMock({ host: "127.0.0.1", port: 0, journalMaxEntries: 1 });
  mock.on({ endpoint: "chat" }, ({ messages, tools = [] }: ChatCompletionRequest) =>
    respond(messages, tools),
  );
  await mock.start();
  return { url: `${mock.url}/v1`, close: () => mock.stop() };
}

type Offered = NonNullable<ChatCompletionRequest["tools"]>[number]["function"];

/** As much of JSON Schema as it understands. */
interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
}

function respond(messages: readonly ChatMessage[], tools: readonly { readonly function: Offered }[]) {
  const question = String(messages.find(({ role }) => role === "user")?.content);
  const last = messages.at(-1);
  const complained = last?.role === "tool" && /^The arguments|^There is no tool/.test(String(last.content));
  if (last?.role === "tool" && !complained) return { content: `${last.content}.` };
  if (messages.filter(({ role }) => role === "tool").length > 1)
    return { content: "I cannot make the tool understand that." };

  const words = new Set(stems(question));
  const ranked = tools.map(({ function: tool }) => {
    const about = new Set(stems(`${tool.name} ${tool.description} ${JSON.stringify(tool.parameters)}`));
    return { tool, score: [...words].filter((word) => about.has(word)).length };
  });
  const [best] = ranked.sort((a, b) => b.score - a.score);
  if (best === undefined || best.score === 0) {
    return {
      content: `None of my tools is for that: ${tools.map((each) => each.function.name).join(", ")}.`,
    };
  }
  // Like some models it gives numbers as texts at first, and minds the types once somebody complains.
  const given = argumentsOf(question, best.tool.parameters as Schema, complained);
  return { toolCalls: [{ name: best.tool.name, arguments: JSON.stringify(given) }] };
}

/** Takes for each property the next thing in the question that it could mean. */
function argumentsOf(question: string, { properties = {} }: Schema, typed: boolean): Record<string, unknown> {
  const dates = question.match(/\b\d{4}-\d{2}-\d{2}\b/g) ?? [];
  const numbers: string[] = question.replaceAll(/\b\d{4}-\d{2}-\d{2}\b/g, "").match(/-?\d+(?:\.\d+)?/g) ?? [];
  // What follows the number is what it counts: "how many feet are 3 miles" and "what are 3 miles in feet" ask the same.
  const counted = /\d\s*(\p{L}+)/u.exec(question)?.[1] ?? "";
  const nouns = [...new Set([...stems(counted), ...stems(question)])];
  const take = (schema: Schema): unknown => {
    if (schema.enum) {
      const meant = (noun: string) => schema.enum?.find((option) => stems(option)[0] === noun);
      const at = nouns.findIndex(meant);
      const [noun = ""] = at < 0 ? [] : nouns.splice(at, 1);
      return meant(noun);
    }
    if (schema.type === "array") return typed ? numbers.map(Number) : numbers;
    if (schema.format === "date") return dates.shift();
    const number = numbers.shift();
    return typed && number !== undefined ? Number(number) : number;
  };
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, take(schema)]));
}

/** The beginnings of words of four letters or more; "feet" is a plural that begins otherwise. */
function stems(text: string): string[] {
  const words =
    text
      .toLowerCase()
      .replaceAll("feet", "foot")
      .match(/\p{L}{4,}/gu) ?? [];
  return words
    .filter((word) => !/^(what|many|much|from|number|string|type)$/.test(word))
    .map((word) => word.slice(0, 4));
}
