// A value that fits a JSON schema, for default answers.
import { list, record } from "./request.js";

/** The maximum depth of recursive schemas. */
const DEEPEST = 8;

/**
 * Returns a value that fits a JSON schema of the kind that models take: the first choice, one entry in each list, and
 * `text` for any string.
 */
export function exampleOf(schema: unknown, text: string): unknown {
  return make(record(schema), { text, root: record(schema) }, 0);
}

interface Source {
  readonly text: string;
  readonly root: Record<string, unknown>;
}

function make(schema: Record<string, unknown>, source: Source, depth: number): unknown {
  if ("const" in schema) return schema.const;
  const [first] = list(schema.enum);
  if (first !== undefined) return first;
  if (typeof schema.$ref === "string") return make(resolve(schema.$ref, source.root), source, depth + 1);
  const choice = choiceOf(schema, depth);
  if (choice !== undefined) return make(choice, source, depth + 1);
  const types = Array.isArray(schema.type) ? schema.type : [schema.type];
  const type = depth > DEEPEST && types.includes("null") ? "null" : (types[0] ?? guess(schema));
  return makers[type as keyof typeof makers]?.(schema, source, depth) ?? null;
}

const makers = {
  object: (schema: Record<string, unknown>, source: Source, depth: number) =>
    Object.fromEntries(
      Object.entries(record(schema.properties)).map(([name, each]) => [
        name,
        make(record(each), source, depth + 1),
      ]),
    ),
  array: (schema: Record<string, unknown>, source: Source, depth: number) => {
    const length = depth > DEEPEST ? 0 : Math.max(1, Number(schema.minItems ?? 1));
    return Array.from({ length }, () => make(record(schema.items), source, depth + 1));
  },
  string: ({ format, minLength = 0, maxLength = Infinity }: Record<string, unknown>, { text }: Source) =>
    formats[format as keyof typeof formats] ??
    text.padEnd(Number(minLength), ".").slice(0, Number(maxLength)),
  number: numberOf,
  integer: (schema: Record<string, unknown>) => Math.ceil(numberOf(schema)),
  boolean: () => true,
};

const formats = {
  date: "2026-01-01",
  time: "12:00:00Z",
  "date-time": "2026-01-01T12:00:00Z",
  email: "someone@example.com",
  uri: "https://example.com/",
  uuid: "00000000-0000-4000-8000-000000000000",
};

function numberOf({ minimum, exclusiveMinimum, maximum = Infinity }: Record<string, unknown>): number {
  const least = minimum ?? (exclusiveMinimum === undefined ? 0 : Number(exclusiveMinimum) + 1);
  return Math.min(Number(least), Number(maximum));
}

const guess = (schema: Record<string, unknown>) =>
  "properties" in schema ? "object" : "items" in schema ? "array" : "string";

/** Picks one of several schemas: the first, or near the maximum depth one that is not recursive. */
function choiceOf(schema: Record<string, unknown>, depth: number): Record<string, unknown> | undefined {
  const choices = [...list(schema.anyOf), ...list(schema.oneOf), ...list(schema.allOf)].map(record);
  const end = depth > DEEPEST ? choices.find(({ type }) => type === "null") : undefined;
  return end ?? choices[0];
}

/** A pointer such as `#/$defs/Item`. */
function resolve(pointer: string, root: Record<string, unknown>): Record<string, unknown> {
  const names = pointer.split("/").slice(1);
  return names.reduce((schema, name) => record(schema[name]), root);
}
