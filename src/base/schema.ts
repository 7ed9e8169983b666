// The part of the Standard Schema interface (standardschema.dev, version 1) that is used here. It is written
// out, so that a program without a schema library needs no package for its types.
import type { Rule } from "./options.js";

/** One thing that a schema finds wrong. */
export interface SchemaIssue {
  readonly message: string;
  /** The keys that lead to the fault. */
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined;
}

/** A fault as plain data. */
export interface PlainIssue {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What a schema makes of a value. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** Any schema that follows Standard Schema 1: of zod, valibot, arktype and others, or made by hand. */
export interface StandardSchema<Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    /** Returns the value, or what is wrong with it. */
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
    /** Of a schema that also follows Standard JSON Schema. */
    readonly jsonSchema?:
      | {
          /** Returns the JSON Schema of what the schema takes. */
          readonly input: (options: { readonly target: string }) => unknown;
        }
      | undefined;
  };
}

/** Arktype's schemas are functions. */
export const aSchema: Rule = {
  expected: "a Standard Schema, such as one of zod",
  accepts: (value) => {
    if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
    const standard = (value as Partial<StandardSchema>)["~standard"];
    return typeof standard?.validate === "function";
  },
};

/** The JSON Schema of what a schema takes, as text; nothing for one that has none. */
export function jsonSchemaOf(schema: StandardSchema | undefined): string | undefined {
  try {
    return JSON.stringify(schema?.["~standard"].jsonSchema?.input({ target: "draft-2020-12" }));
  } catch {
    return undefined; // a check by a function, or a date, has no form in JSON
  }
}

/** Faults that an answer lists; a long list of bad items would make a long answer. */
const MOST_ISSUES = 20;

const keyOf = (part: PropertyKey | { readonly key: PropertyKey }): string | number => {
  const key = typeof part === "object" ? part.key : part;
  return typeof key === "symbol" ? String(key) : key;
};

/** The first faults, as plain data. */
export const issuesOf = (issues: readonly SchemaIssue[]): PlainIssue[] =>
  issues.slice(0, MOST_ISSUES).map(({ message, path = [] }) => ({ path: path.map(keyOf), message }));
