// The used part of the Standard Schema interface (standardschema.dev, version 1). It is copied, so that a program
// without a schema library needs no package for its types.
import type { Rule } from "./options.js";

/** One issue of a value. */
export interface SchemaIssue {
  readonly message: string;
  /** The path to the issue. */
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined;
}

/** An issue as plain data. */
export interface PlainIssue {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** The result of a validation. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** A schema of Standard Schema 1: of zod, valibot, arktype and others, or a custom one. */
export interface StandardSchema<Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    /** Returns the value or its issues. */
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
    /** Present in a schema that also implements Standard JSON Schema. */
    readonly jsonSchema?:
      | {
          /** Returns the JSON Schema of the input. */
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

/** The JSON Schema of a schema's input, as text; `undefined` if there is none. */
export function jsonSchemaOf(schema: StandardSchema | undefined): string | undefined {
  try {
    return JSON.stringify(schema?.["~standard"].jsonSchema?.input({ target: "draft-2020-12" }));
  } catch {
    return undefined; // a custom check or a date has no JSON Schema
  }
}

/** The maximum of issues in an answer, which would otherwise be very long for a long list of bad items. */
const MOST_ISSUES = 20;

const keyOf = (part: PropertyKey | { readonly key: PropertyKey }): string | number => {
  const key = typeof part === "object" ? part.key : part;
  return typeof key === "symbol" ? String(key) : key;
};

/** The first issues, as plain data. */
export const issuesOf = (issues: readonly SchemaIssue[]): PlainIssue[] =>
  issues.slice(0, MOST_ISSUES).map(({ message, path = [] }) => ({ path: path.map(keyOf), message }));
