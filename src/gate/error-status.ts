// Reads the HTTP status of an error. Imports only error-parts.ts.
import { field, partsOf } from "./error-parts.js";

/** A status from 400 to 599, as a number or as text. Other numbers are not statuses: gRPC codes are 0 to 16. */
function asStatus(value: unknown): number | undefined {
  const isNumber = typeof value === "number" || (typeof value === "string" && /^\d{3}$/.test(value));
  const status = isNumber ? Number(value) : 0;
  return Number.isInteger(status) && status >= 400 && status < 600 ? status : undefined;
}

/** The status of one part of an error; Google's clients keep it in `code`. */
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
 * Reads the HTTP status of an error, from 400 to 599, as a number or as text: its own, or that of its response, its
 * body, the last error of a retry error, or its cause.
 *
 * @returns The status, or `undefined` if there is none.
 */
export const statusOf = (error: unknown): number | undefined => statusIn(partsOf(error));
