// Type checks that work across realms. With Jest, in vm pools and across frames a value may come from another realm, so
// that `instanceof` of a built-in class is false. Imports nothing.

/** Whether a value is an object but not a function. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

/** Whether a value can have properties: an object or a function. */
export const isObject = (value: unknown): value is object => isRecord(value) || typeof value === "function";

/** The name of the built-in class of a value, such as `"Map"`, `"Date"` or `"URL"`. */
export const builtInOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

/** Whether a value is an error; a `DOMException` is one. */
export function isError(value: unknown): value is Error {
  if (value instanceof Error) return true;
  const name = builtInOf(value);
  return name === "Error" || name === "DOMException";
}
