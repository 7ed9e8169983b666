// What a case of the contract gets, and what cases are written with.
import assert from "node:assert/strict";
import type { Change, Entry, EntryKind, JournalDriver, NewRun } from "sluice/journal";

/** A driver to hold to the contract. */
export interface JournalSubject {
  readonly driver: JournalDriver;
  /**
   * Gives another driver on the same database, as another process has it. Leave it out where there can be none: what
   * needs one is not checked then.
   */
  readonly another?: (() => JournalDriver | PromiseLike<JournalDriver>) | undefined;
  /** Deletes the database; the driver is closed already. */
  close(): unknown;
}

/** How a case is run. */
export interface CaseOptions {
  readonly races: number;
  readonly subject: JournalSubject;
}

/** A case on a driver. */
export interface Case {
  readonly name: string;
  check(driver: JournalDriver, options: CaseOptions): Promise<void>;
}

/** What a run is made with. */
export const newRun = (id: string): NewRun => ({
  id,
  flow: "Main",
  version: null,
  graph: "graph",
  params: "{}",
  input: "input",
});

/** Makes and claims a run; gives the epoch. */
export async function begin(driver: JournalDriver, id: string): Promise<number> {
  return (await driver.claim(id, newRun(id))).epoch;
}

export const put = (
  key: string,
  value: string,
  { kind = "result", item = "", hash }: { kind?: EntryKind; item?: string; hash?: string } = {},
): Change => ({ put: { kind, key, item, hash, value } });

export const ask = (token: string, key: string, nth = 0, expiresAt: number | null = null): Change => ({
  ask: { token, key, nth, question: `"${token}?"`, path: '["Main"]', index: null, expiresAt },
});

/** All keys that a run has entries at, in order, each with the items there. */
export async function keysOf(driver: JournalDriver, id: string): Promise<string[]> {
  const kinds: EntryKind[] = ["result", "once", "start", "walk", "batch", "store"];
  const entries = await driver.load(id, kinds);
  return entries.map(({ key, item }) => (item === "" ? key : `${key} ${item}`)).sort();
}

/** Entries in an order that does not depend on the database. */
export const sorted = (entries: readonly Entry[]): Entry[] => {
  const nameOf = ({ kind, key, item }: Entry) => JSON.stringify([kind, key, item]);
  return [...entries].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
};

/** Calls, whether the driver throws at once or rejects, and checks the code of its error. */
export async function rejects(call: () => unknown, code: string, what: string): Promise<void> {
  let found: unknown;
  try {
    await call();
  } catch (error) {
    found = (error as { readonly code?: unknown } | undefined)?.code ?? error;
  }
  assert.deepEqual(found, code, `${what}: expected a SluiceError with the code ${code}`);
}

/** Resolves a few turns of the event loop later. */
export const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};
