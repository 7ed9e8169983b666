// Calls a function of a user.
import { SluiceError } from "sluice";
import { Failure } from "./io.js";
import { withoutPasswords } from "./terminal-text.js";

/** Calls a function that makes something. @throws Failure with what it threw. */
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
