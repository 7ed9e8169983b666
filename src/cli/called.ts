// Calls a function of the user.
import { SluiceError } from "sluice";
import { Failure } from "./io.js";
import { withoutPasswords } from "./terminal-text.js";

/** Calls a factory function. @throws Failure with its error. */
export async function called(make: () => unknown, where: string): Promise<unknown> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof SluiceError) {
      throw new Failure(`${where} failed: ${withoutPasswords(error.message)} (${error.code})`);
    }
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Failure(`${where} failed:\n${withoutPasswords(reason)}`);
  }
}
