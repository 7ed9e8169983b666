/**
 * Tools for tests of flows, and contract suites for journal drivers and shared limits. For Node and any test runner.
 *
 * @module sluice/testing
 */

export { type Cassette, type CassetteMode, type CassetteOptions, cassette } from "./cassette/cassette.js";
export { type Exploration, type ExploreOptions, explore } from "./explore.js";
export { type ContractCase, type ContractOptions, journalContract } from "./journal-contract.js";
export type { SharedLimitSubject } from "./limit-subject.js";
export type { AccessKind } from "./races/accesses.js";
export { detectRaces, type Race, type RaceDetector, type RaceSide } from "./races/detect-races.js";
export { sharedLimitContract } from "./shared-limit-contract.js";
export { type StepParts, step } from "./step.js";
export type { JournalSubject } from "./subject.js";
export type { VendorAnswer, VendorToolCall } from "./vendor/answer.js";
export type { Dialect } from "./vendor/dialects.js";
export { type FakeVendor, fakeVendor, type VendorCall, type VendorStats } from "./vendor/fake-vendor.js";
export type { Fault, FaultName, FaultResponse } from "./vendor/faults.js";
export type { LimitWindow } from "./vendor/limits.js";
export type { FakeVendorOptions } from "./vendor/options.js";
export type { VendorMessage, VendorRequest } from "./vendor/request.js";
export { type VirtualTime, virtualTime } from "./virtual-time.js";
