// Picks a tool by its description, and takes its arguments from the question by the tool's schema. Like some models it
// sends numbers as strings at first, and corrects the types after an error.
import type { Answer } from "./serve.js";

export const answer: Answer = ({ body, messages }) => {
  const question = messages.find(({ role }) => role === "user")?.text ?? "";
  const results = messages.filter(({ role }) => role === "tool");
  const last = results.at(-1)?.text;
  const isObjection = last !== undefined && /do not fit the schema|There is no tool/.test(last);
  if (last !== undefined && !isObjection) return `${last}.`;
  if (results.length > 1) return "I cannot make the tool understand that.";

  const words = new Set(stems(question));
  const ranked = (body.tools as Offered[]).map(({ function: tool }) => {
    const about = new Set(stems(`${tool.name} ${tool.description} ${JSON.stringify(tool.parameters)}`));
    return { tool, score: [...words].filter((word) => about.has(word)).length };
  });
  const [best] = ranked.sort((a, b) => b.score - a.score);
  if (best === undefined || best.score === 0) return "None of my tools is for that.";
  const given = argumentsOf(question, best.tool.parameters, isObjection);
  return { toolCalls: [{ name: best.tool.name, arguments: given }] };
};

interface Offered {
  readonly function: { readonly name: string; readonly description: string; readonly parameters: Schema };
}

/** The supported part of JSON Schema. */
interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** Takes the next matching part of the question for each property. */
function argumentsOf(question: string, { properties = {} }: Schema, typed: boolean): Record<string, unknown> {
  const dates = question.match(/\b\d{4}-\d{2}-\d{2}\b/g) ?? [];
  const numbers: string[] = question.replaceAll(/\b\d{4}-\d{2}-\d{2}\b/g, "").match(/-?\d+(?:\.\d+)?/g) ?? [];
  // The unit follows the number: "how many feet are 3 miles" and "what are 3 miles in feet" are the same question.
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
