// Converts any thrown value to plain JSON. Never throws.
import { locate } from "sluice";
import { plain } from "./plain.js";
import type { PlainError } from "./trace-line.js";

const DEEPEST = 5;
const LONGEST_MESSAGE = 10_000;
const LONGEST_STACK = 4_000;

/** Converts an error, its causes and its parts; unreadable fields are skipped. */
export function plainError(error: unknown, depth = 0): PlainError {
  if (typeof error !== "object" || error === null) {
    return { name: error === null ? "null" : typeof error, message: textOf(error, LONGEST_MESSAGE) };
  }
  const field = (key: string): unknown => {
    try {
      return (error as Record<string, unknown>)[key];
    } catch {
      return undefined;
    }
  };
  const [name, message, stack, code, cause, errors] = [
    field("name"),
    field("message"),
    field("stack"),
    field("code"),
    field("cause"),
    field("errors"),
  ];
  return {
    name: typeof name === "string" && name !== "" ? textOf(name, 200) : "object",
    message: typeof message === "string" ? textOf(message, LONGEST_MESSAGE) : shown(error),
    ...(typeof stack === "string" && { stack: textOf(stack, LONGEST_STACK) }),
    ...(typeof code === "string" && { code: textOf(code, 200) }),
    ...(typeof code === "number" && Number.isFinite(code) && { code }),
    ...machineOf(error),
    ...(cause !== undefined && depth < DEEPEST && { cause: plainError(cause, depth + 1) }),
    ...(depth < 2 && partsOf(errors, depth)),
  };
}

function machineOf(error: object): { machine?: string } {
  const machine = locate(error)?.machine;
  return machine === undefined ? {} : { machine: textOf(machine, 200) };
}

function partsOf(errors: unknown, depth: number): { errors?: PlainError[] } {
  try {
    if (!Array.isArray(errors)) return {};
    return { errors: errors.slice(0, 10).map((error) => plainError(error, depth + 1)) };
  } catch {
    return {};
  }
}

/** The message of a thrown object without one. */
function shown(error: object): string {
  try {
    return textOf(JSON.stringify(plain(error)) ?? "", LONGEST_MESSAGE);
  } catch {
    return "";
  }
}

function textOf(value: unknown, most: number): string {
  const text =
    typeof value === "string" ? value : typeof value === "symbol" ? value.toString() : String(value);
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
