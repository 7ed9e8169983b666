// Reads the HTTP status of an error. Imports only how to read an error.
import { field, partsOf } from "./error-parts.js";

/** A status of a failure, as a number or as text. Another number is none: gRPC counts from 0 to 16. */
function asStatus(value: unknown): number | undefined {
  const isNumber = typeof value === "number" || (typeof value === "string" && /^\d{3}$/.test(value));
  const status = isNumber ? Number(value) : 0;
  return Number.isInteger(status) && status >= 400 && status < 600 ? status : undefined;
}

/** The status that one part of an error has. Google's clients have it in `code`. */
export function statusOfPart(part: object): number | undefined {
  return (
    asStatus(field(part, "status")) ??
    asStatus(field(part, "statusCode")) ??
    asStatus(field(field(part, "$metadata"), "httpStatusCode")) ??
    asStatus(field(part, "code"))
  );
}

/** The outermost status among the parts of an error. */
export const statusIn = (parts: readonly object[]): number | undefined =>
  parts.map(statusOfPart).find((status) => status !== undefined);

/**
 * Reads the HTTP status of an error, from 400 to 599, as a number or as text: its own, else that of its response,
 * its body, the last error of a retry error, or its cause.
 *
 * @returns `undefined` where none of these has one.
 */
export const statusOf = (error: unknown): number | undefined => statusIn(partsOf(error));
