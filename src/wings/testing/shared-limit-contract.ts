// The contract of shared limits, as test cases for any test runner.
import type { SharedLimit } from "sluice";
import type { ContractCase } from "./journal-contract.js";
import { type LimitCase, type LimitCaseOptions, Member, type SharedLimitSubject } from "./limit-subject.js";
import { permitCases } from "./permit-cases.js";
import { slotCases } from "./slot-cases.js";

/**
 * Returns the contract of a {@link SharedLimit} as test cases, which may run in sequence or concurrently. Most take a
 * second, and one takes ten.
 *
 * @param open - Returns a limit whose place has no state; called for each case.
 * @example
 * ```ts
 * import { sharedLimitContract } from "sluice/testing";
 *
 * const cases = sharedLimitContract(() => {
 *   throw new Error("make your limit here"); // return { limit, another, forget, close };
 * });
 * // for (const { name, run } of cases) test(name, run); of Vitest, Jest or node:test
 * cases[1]?.name; // => "calls are granted in order while the buckets have what they cost"
 * ```
 */
export function sharedLimitContract(
  open: () => SharedLimitSubject | PromiseLike<SharedLimitSubject>,
): readonly ContractCase[] {
  return [...permitCases, ...slotCases].map((each) => ({ name: each.name, run: () => runCase(each, open) }));
}

async function runCase(
  { check }: LimitCase,
  open: () => SharedLimitSubject | PromiseLike<SharedLimitSubject>,
): Promise<void> {
  const subject = await open();
  const limits: SharedLimit[] = [subject.limit];
  let members = 0;
  const options: LimitCaseOptions = {
    pass: subject.pass ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms))),
    forget: () => subject.forget(),
    member: (terms) => new Member(subject.limit, terms, `gate ${members++}`),
    foreign: async (terms) => {
      const limit = await subject.another();
      limits.push(limit);
      return new Member(limit, terms, `gate ${members++}`);
    },
  };
  try {
    await check(options);
  } finally {
    for (const limit of limits) await limit.close();
    await subject.close();
  }
}
