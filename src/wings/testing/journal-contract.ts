// The contract of a journal driver, as test cases for any test runner.
import { claimCases } from "./claim-cases.js";
import { commitCases } from "./commit-cases.js";
import { entryCases } from "./entry-cases.js";
import { questionCases } from "./question-cases.js";
import { runCases } from "./run-cases.js";
import type { Case, JournalSubject } from "./subject.js";
import { textCases } from "./text-cases.js";

/** One promise of a driver. */
export interface ContractCase {
  /** The promise, as a sentence. */
  readonly name: string;
  /** Tests a driver. @throws AssertionError If the promise is broken; whatever the driver throws. */
  run(): Promise<void>;
}

/** The options of {@link journalContract}. */
export interface ContractOptions {
  /** Repetitions of each case with a race. @default 20 */
  readonly races?: number | undefined;
}

/**
 * Returns the contract of a journal driver as test cases, which may run in sequence or concurrently.
 *
 * @param open - Returns a driver on an empty database; called for each case.
 * @example
 * ```ts
 * import { journalContract } from "sluice/testing";
 *
 * const cases = journalContract(() => {
 *   throw new Error("make your driver here"); // return { driver, close: () => {} };
 * });
 * // for (const { name, run } of cases) test(name, run); of Vitest, Jest or node:test
 * cases[0]?.name; // => "a claim makes a run once, and gives it as it was before the claim"
 * ```
 */
export function journalContract(
  open: () => JournalSubject | PromiseLike<JournalSubject>,
  { races = 20 }: ContractOptions = {},
): readonly ContractCase[] {
  const all: readonly Case[] = [
    ...claimCases,
    ...commitCases,
    ...entryCases,
    ...textCases,
    ...questionCases,
    ...runCases,
  ];
  return all.map(({ name, check }) => ({
    name,
    run: async () => {
      const subject = await open();
      try {
        await check(subject.driver, { races, subject });
      } finally {
        await subject.driver.close();
        await subject.close();
      }
    },
  }));
}
