// Writing JSON, with an error that says what to do where a value has none.
import { SluiceError } from "sluice";

/** Writes a value as JSON; what has no JSON, such as `undefined`, becomes `null`. @throws SluiceError `INVALID_OUTPUT`. */
export function toJson(where: string, value: unknown): string {
  try {
    return JSON.stringify(value) ?? "null";
  } catch (cause) {
    throw new SluiceError(
      "INVALID_OUTPUT",
      `${where}: expected a value that can be written as JSON (${(cause as Error)?.message}); give only plain data`,
      { cause },
    );
  }
}
