// sluice/testing: what tests of flows need, and suites that hold what others write for sluice. For Node, and for any test runner.
export { type ContractCase, type ContractOptions, journalContract } from "./journal-contract.js";
export type { SharedLimitSubject } from "./limit-subject.js";
export { sharedLimitContract } from "./shared-limit-contract.js";
export { type StepParts, step } from "./step.js";
export type { JournalSubject } from "./subject.js";
