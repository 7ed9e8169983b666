// Serialises errors: those of built-in classes keep their class, others become an Error with the same name.
import { SluiceError } from "sluice";
import { isError } from "sluice/internal";
import { decode, encode, problemOf } from "../shared/plain-data.js";
import type { SentError } from "./protocol.js";

const CLASSES: Readonly<Record<string, new (message: string) => Error>> = {
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

/** The maximum depth of causes. */
const DEEPEST = 5;

/** Serialises a thrown value. */
export function writeError(error: unknown, depth = 0): SentError {
  if (!isError(error))
    return { value: problemOf(error) === undefined ? encode(error) : encode(String(error)) };
  const fields: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(error)) {
    if (key !== "cause" && problemOf(value) === undefined) fields[key] = value;
  }
  const { name, message, stack, cause } = error as Error;
  return {
    name: String(name),
    message: String(message),
    stack,
    fields: encode(fields),
    isOurs: error instanceof SluiceError,
    cause: cause === undefined || depth >= DEEPEST ? undefined : writeError(cause, depth + 1),
  };
}

/** Recreates the error. */
export function readError({
  value,
  name = "Error",
  message = "",
  stack,
  fields,
  isOurs,
  cause,
}: SentError): unknown {
  if (value !== undefined) return decode(value);
  const own = decode(fields ?? encode({})) as Record<string, unknown>;
  const Class = CLASSES[name] ?? Error;
  const error = isOurs ? new SluiceError(own.code as "TIMEOUT", message) : new Class(message);
  const define = (key: string, value: unknown) =>
    Object.defineProperty(error, key, { value, enumerable: false, writable: true, configurable: true });
  if (error.name !== name) define("name", name);
  if (stack !== undefined) define("stack", stack);
  if (cause !== undefined) define("cause", readError(cause));
  return Object.assign(error, own);
}
