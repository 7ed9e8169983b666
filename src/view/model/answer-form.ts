// The form of an answer from its JSON Schema: its fields, and the value of their contents. Parts without a field are
// written as JSON. Imports nothing.

interface Common {
  readonly label: string;
  readonly note: string | undefined;
  /** Whether an empty field is an error; otherwise it is omitted. */
  readonly isRequired: boolean;
  /** The initial content. */
  readonly initial: string;
}

/** A field. */
export type Field = Common &
  (
    | { readonly kind: "text"; readonly type: string; readonly isLong: boolean; readonly limits: Limits }
    | { readonly kind: "number"; readonly isInteger: boolean; readonly limits: Limits }
    | {
        readonly kind: "choice";
        readonly choices: readonly { readonly label: string; readonly value: unknown }[];
      }
    | { readonly kind: "fixed"; readonly value: unknown }
    | { readonly kind: "group"; readonly fields: readonly (readonly [name: string, field: Field])[] }
    | { readonly kind: "variants"; readonly variants: readonly Field[] }
    | { readonly kind: "json" }
    /** JSON if it parses as JSON, else a text. */
    | { readonly kind: "any" }
  );

/** Limits as attributes of an input. */
export type Limits = Readonly<Record<string, string | number>>;

/**
 * The contents of a field: a text, or the number of a choice as text; of a group by name; of variants the chosen one.
 */
export type Written =
  | string
  | { readonly [name: string]: Written }
  | { readonly at: number; readonly of: Written };

type Schema = Readonly<Record<string, unknown>>;

const isSchema = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const textIn = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
const limitsOf = (schema: Schema, names: Readonly<Record<string, string>>): Limits =>
  Object.fromEntries(
    Object.entries(names).flatMap(([name, attribute]) => {
      const value = schema[name];
      return typeof value === "number" || typeof value === "string" ? [[attribute, value]] : [];
    }),
  );

/** Creates the field of an answer. @param schema - JSON Schema; for any other value the field accepts any JSON. */
export const fieldOf = (schema: unknown, label = "Answer", isRequired = true): Field => {
  const common = { label, note: undefined, isRequired, initial: "" };
  if (!isSchema(schema)) return { ...common, kind: "any" };
  const initial = schema.default;
  return {
    ...common,
    label: textIn(schema.title) ?? label,
    note: textIn(schema.description),
    ...kindOf(schema, initial),
  };
};

function kindOf(schema: Schema, initial: unknown) {
  const { const: fixed, enum: values, type, properties } = schema;
  const types = Array.isArray(type) ? type.map((each: unknown) => ({ ...schema, type: each })) : undefined;
  const variants = types ?? ((schema.oneOf ?? schema.anyOf) as unknown);
  if (fixed !== undefined) return { kind: "fixed", value: fixed } as const;
  if (Array.isArray(values)) return choiceOf(values, initial);
  if (type === "boolean") return choiceOf([true, false], initial, ["yes", "no"]);
  if (type === "string") return textOf(schema, initial);
  if (["number", "integer"].includes(String(type))) return numberField(schema, initial);
  if (type === "object" && isSchema(properties) && Object.keys(properties).length > 0) {
    return groupField(properties, schema.required);
  }
  if (Array.isArray(variants) && variants.length > 0) return variantsOf(variants);
  const text = initial === undefined ? "" : JSON.stringify(initial, null, 2);
  return { kind: "json", initial: text } as const;
}

function numberField(schema: Schema, initial: unknown) {
  const limits = limitsOf(schema, { minimum: "min", maximum: "max" });
  const text = typeof initial === "number" ? String(initial) : "";
  return { kind: "number", isInteger: schema.type === "integer", limits, initial: text } as const;
}

function groupField(properties: Schema, required: unknown) {
  const names: readonly unknown[] = Array.isArray(required) ? required : [];
  const fields = Object.entries(properties).map(
    ([name, each]) => [name, fieldOf(each, name, names.includes(name))] as const,
  );
  return { kind: "group", fields } as const;
}

const choiceOf = (values: readonly unknown[], initial: unknown, labels?: readonly string[]) => ({
  kind: "choice" as const,
  choices: values.map((value, at) => ({
    label: labels?.[at] ?? (typeof value === "string" ? value : JSON.stringify(value)),
    value,
  })),
  initial: values.includes(initial) ? String(values.indexOf(initial)) : "",
});

const TYPES: Readonly<Record<string, string>> = { email: "email", uri: "url", date: "date", time: "time" };
/** A text that may be longer than this gets several lines. */
const LONG = 80;

const textOf = (schema: Schema, initial: unknown) => {
  const limits = limitsOf(schema, { minLength: "minlength", maxLength: "maxlength", pattern: "pattern" });
  const type = TYPES[String(schema.format)] ?? "text";
  const isShort = type !== "text" || Number(schema.maxLength ?? LONG + 1) <= LONG || "pattern" in schema;
  return { kind: "text", type, isLong: !isShort, limits, initial: textIn(initial) ?? "" } as const;
};

function variantsOf(variants: readonly unknown[]) {
  const fields = variants.map((each, at) => {
    const field = fieldOf(each, nameOf(each, at));
    return isSchema(each) && each.type === "null" ? { ...field, kind: "fixed" as const, value: null } : field;
  });
  return { kind: "variants", variants: fields, initial: "0" } as const;
}

/** A variant is named by what distinguishes it: `{ verdict: "approve" }`. */
function nameOf(schema: unknown, at: number): string {
  if (!isSchema(schema)) return `variant ${at + 1}`;
  if (schema.const !== undefined) return String(schema.const);
  const properties = isSchema(schema.properties) ? Object.values(schema.properties) : [];
  const tag = properties.filter(isSchema).find((each) => typeof each.const === "string");
  return textIn(tag?.const) ?? textIn(schema.type) ?? `variant ${at + 1}`;
}

/** An invalid content, with its field. */
export class FormProblem extends Error {}

/** Reads a value. @returns `undefined` if it is omitted. @throws FormProblem */
export function answerOf(field: Field, written: Written): unknown {
  if (field.kind === "fixed") return field.value;
  if (field.kind === "group")
    return groupOf(field.fields, written as Readonly<Record<string, Written>>, field);
  if (field.kind === "variants") {
    const { at, of } = written as { readonly at: number; readonly of: Written };
    return answerOf(field.variants[at] as Field, of);
  }
  const text = written as string;
  if (field.kind !== "text" && text.trim() === "") return left(field);
  switch (field.kind) {
    case "text":
      return text === "" && !field.isRequired ? undefined : text;
    case "number":
      return numberOf(field, text);
    case "choice":
      return field.choices[Number(text)]?.value;
    case "json":
      return jsonOf(field, text);
    case "any":
      return anyOf(text);
  }
}

function left({ isRequired, label }: Field): undefined {
  if (isRequired) throw new FormProblem(`${label}: expected a value, got nothing`);
  return undefined;
}

function groupOf(
  fields: readonly (readonly [string, Field])[],
  written: Readonly<Record<string, Written>>,
  { isRequired }: Field,
): unknown {
  const isEmpty = Object.values(written).every((each) => each === "");
  if (isEmpty && !isRequired) return undefined;
  const values = fields.map(([name, field]) => [name, answerOf(field, written[name] ?? "")] as const);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

function numberOf({ label, isInteger }: Field & { readonly isInteger: boolean }, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && (!isInteger || Number.isInteger(value))) return value;
  throw new FormProblem(`${label}: expected ${isInteger ? "an integer" : "a number"}, got ${text}`);
}

function jsonOf({ label }: Field, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new FormProblem(`${label}: expected JSON (${(error as Error).message})`);
  }
}

function anyOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
