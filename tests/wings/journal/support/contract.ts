// The contract of sluice/testing as tests of Vitest.
import { type JournalSubject, journalContract } from "sluice/testing";
import { test } from "vitest";
import { sized } from "../../../support/size.js";

const races = sized(1_000, 20);

/** Runs the contract on a driver. */
export function hold(open: () => Promise<JournalSubject>): void {
  for (const { name, run } of journalContract(open, { races })) test(name, run);
}
