// Lists the objects in which clients keep a service's answer: the error itself, its response, the body, the cause.
// Nothing here throws, even if reading the error does.

import { isRecord } from "../base/realms.js";

/** The maximum of objects read per error, which ends cycles of getters that return new objects. */
const MOST_PARTS = 64;
/** The maximum of items read per list. */
const MOST_ITEMS = 16;
/** The maximum length of text that is parsed as JSON, in characters. */
const LONGEST_BODY = 200_000;

/** The properties to follow, in this order: the answer, its body, and then the causes. */
const LINKS = ["response", "$response", "error", "data", "body", "responseBody", "lastError", "cause"];

/** Reads a property. A getter or a proxy that throws counts as `undefined`. */
export function field(value: unknown, name: string): unknown {
  if (!isRecord(value)) return undefined;
  try {
    return (value as Record<string, unknown>)[name];
  } catch {
    return undefined;
  }
}

/** Reads a property as text; `undefined` for anything but a string. */
export function textField(value: unknown, name: string): string | undefined {
  const text = field(value, name);
  return typeof text === "string" ? text : undefined;
}

/** Reads the first items of an array; an empty list for any other value. */
export function itemsOf(value: unknown): unknown[] {
  try {
    return Array.isArray(value) ? value.slice(0, MOST_ITEMS) : [];
  } catch {
    return []; // a revoked proxy
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Reads an object, or JSON text of one. Google answers a stream with a list that has only the error. */
function bodyOf(value: unknown): unknown {
  let body = value;
  if (typeof value === "string") {
    body = value.length <= LONGEST_BODY && /^\s*[[{]/.test(value) ? parse(value) : undefined;
  }
  return itemsOf(body)[0] ?? body;
}

/**
 * Reads the body in an error message, after a prefix or alone, as `@google/genai` writes it. It must have an `error`,
 * because a message may quote any other JSON.
 */
function bodyInMessage(value: unknown): unknown {
  const message = textField(value, "message");
  if (message === undefined || message.length > LONGEST_BODY) return undefined;
  const start = message.search(/[[{]/);
  if (start === -1) return undefined;
  const body = bodyOf(message.slice(start));
  const error = field(body, "error");
  return isRecord(error) ? body : undefined;
}

/**
 * Lists the error and the objects in it that may have a service's answer, outermost first. Of a retry error only the
 * last try counts.
 */
export function partsOf(error: unknown): readonly object[] {
  const parts = new Set<object>();
  const visit = (value: unknown): void => {
    if (!isRecord(value) || parts.has(value) || parts.size >= MOST_PARTS) return;
    parts.add(value);
    visit(bodyInMessage(value));
    for (const name of LINKS) visit(bodyOf(field(value, name)));
    if (field(value, "lastError") === undefined) {
      for (const item of itemsOf(field(value, "errors")).reverse()) visit(item);
    }
  };
  visit(error);
  return [...parts];
}
