// Writes JSON; throws an error with advice for values that JSON cannot represent.
import { isFailure, SluiceError } from "sluice";
import { builtInOf, isError, isObject } from "sluice/internal";

/** Replacements for values that JSON would lose. */
const INSTEAD: Readonly<Record<string, string>> = {
  Map: "Object.fromEntries(map)",
  Set: "[...set]",
  Error: "the words that the reader may see",
  ItemFailure: "its index, or the words that the reader may see",
  Promise: "what it resolves with",
};

/**
 * Writes a value as JSON; `undefined` becomes `null`. Values that JSON would lose silently (a Map, a Set, an error, a
 * failed item, a function, NaN) are errors, and so are values that it cannot write.
 *
 * @throws SluiceError `INVALID_OUTPUT` with the path of the value.
 */
export function toJson(where: string, value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value); // a token of a stream
  const trail: { readonly holder: unknown; readonly key: string }[] = [];
  try {
    return (
      JSON.stringify(value, function (this: unknown, key, given: unknown) {
        // The path to this value: the keys whose holders are still open.
        while (trail.length > 0 && trail.at(-1)?.holder !== this) trail.pop();
        const lost = lostBy(given);
        if (lost !== undefined) {
          const path = [...trail.map((step) => step.key), key].filter((step) => step !== "");
          throw new Lost(lost, path);
        }
        if (isObject(given)) trail.push({ holder: given, key });
        return given;
      }) ?? "null"
    );
  } catch (cause) {
    throw new SluiceError("INVALID_OUTPUT", `${where}: ${wordsOf(cause)}`, { cause });
  }
}

class Lost extends Error {
  constructor(
    readonly what: string,
    readonly path: readonly string[],
  ) {
    super(what);
  }
}

function wordsOf(cause: unknown): string {
  if (!(cause instanceof Lost)) {
    return `expected a value that can be written as JSON (${(cause as Error)?.message}); give only plain data`;
  }
  const { what, path } = cause;
  const at = path.length === 0 ? "" : ` at \`${path.join(".")}\``;
  return `expected plain data${at}, got ${what}, which JSON cannot hold; give ${INSTEAD[what] ?? "plain data"} in its place`;
}

/** The kind of a value that JSON would lose; `undefined` for values that it represents or refuses. */
function lostBy(value: unknown): string | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? undefined : String(value);
  if (typeof value === "function") return "a function";
  if (typeof value === "symbol") return "a symbol";
  if (!isObject(value) || Array.isArray(value)) return undefined;
  if (isError(value)) return "Error";
  if (isFailure(value)) return "ItemFailure";
  const name = builtInOf(value);
  if (/^(?:Boolean|Number|String|BigInt)$/.test(name)) return undefined; // boxed
  if (/^(?:Map|Set|.*Array)$/.test(name)) return name;
  // A Promise, a RegExp or an instance with only private fields would be written as an empty object.
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
  return isPlain || Object.keys(value).length > 0 ? undefined : nameOfClass(value);
}

const nameOfClass = (value: object): string => value.constructor?.name || "an object of a class";
