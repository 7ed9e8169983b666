// The values of a line, parsed lazily, because a page opens with thousands of them and shows few.
import type { Value } from "./span.js";

/** The fields of a line that are values. */
export type ValueKey = "prep" | "input" | "result" | "data" | "store";

/** The lines that have values, as `recordTrace` writes them: values come last. */
const HAS_VALUES = /^\{"type":"(?:item|data|values)",/;
// A quote follows a comma only between the parts of an object or a list: in a string it is escaped.
const FIRST_VALUE = /,"(prep|input|result|data|store)":/;
/** Fields that another program may have written after a value. */
const OTHER_FIELDS = ["parent", "index", "twin", "attempt", "outcome", "error", "action", "wait"].map(
  (name) => `,"${name}":`,
);
const VALUE_KEYS: ReadonlySet<string> = new Set(["prep", "input", "result", "data", "store"]);

export class LateValues {
  readonly #text: string;
  readonly #first: string;

  constructor(text: string, first: string) {
    this.#text = text;
    this.#first = first;
  }

  /**
   * Returns a value without parsing it; `undefined` if the line has none of that name. A line has one value, except for
   * `store` after `result`.
   */
  of(key: ValueKey): Value | undefined {
    const follows = key === "store" && this.#first === "result" && this.#text.includes(',"store":');
    if (this.#first !== key && !follows) return undefined;
    const text = this.#text;
    return {
      /** Parsed each time, so that a search keeps nothing. */
      get value() {
        return fieldsOf(text)?.[key];
      },
    };
  }
}

/**
 * Separates the values of a line.
 * @returns The line without them; `undefined` if it has none, or has other fields after them.
 */
export function cutValues(text: string): { head: string; late: LateValues } | undefined {
  if (!HAS_VALUES.test(text)) return undefined;
  const found = FIRST_VALUE.exec(text);
  if (found === null) return undefined;
  const rest = `{${text.slice(found.index + 1)}`;
  if (OTHER_FIELDS.some((field) => text.includes(field, found.index)) && !hasOnlyValues(rest))
    return undefined;
  return { head: `${text.slice(0, found.index)}}`, late: new LateValues(rest, found[1] as string) };
}

function hasOnlyValues(text: string): boolean {
  const fields = fieldsOf(text);
  return fields !== undefined && Object.keys(fields).every((key) => VALUE_KEYS.has(key));
}

function fieldsOf(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined; // the values are invalid
  }
}
