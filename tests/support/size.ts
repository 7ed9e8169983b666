// How large the tests are that can have any size: a property by its number of runs, a load by its number of calls.
// `npm test` runs them small, the slowest not at all; `npm run test:deep` sets SLUICE_TEST_SIZE=full and runs them, and only them, in full.
// SLUICE_TEST_SIZE=huge is for the few that take minutes, after a change of what they watch.
// vitest.config.ts finds them by their import of this file.

const size = process.env.SLUICE_TEST_SIZE ?? "small";
if (size !== "small" && size !== "full" && size !== "huge") {
  throw new Error(`Expected SLUICE_TEST_SIZE to be small, full or huge, got ${size}`);
}

/** Picks the size of a test. Where nothing else is given, `small` is a tenth of `full`, and `huge` is `full`. */
export const sized = (full: number, small = Math.ceil(full / 10), huge = full): number =>
  ({ small, full, huge })[size];

/** Whether tests run in full size; those that a small run leaves out are written `test.runIf(isFull)`. */
export const isFull = size !== "small";

/** Writes a size as the name of a test has it: `1,000`. */
export const inWords = (count: number): string => count.toLocaleString("en-US");
