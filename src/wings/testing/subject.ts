// What a contract case of journal drivers gets, and the tools of the cases.
import assert from "node:assert/strict";
import type { Change, Entry, EntryKind, JournalDriver, NewRun } from "sluice/journal";

/** A driver to test. */
export interface JournalSubject {
  readonly driver: JournalDriver;
  /**
   * Returns another driver on the same database, as another process has it. Omit it if there can be none: cases that
   * need one then check nothing.
   */
  readonly another?: (() => JournalDriver | PromiseLike<JournalDriver>) | undefined;
  /** Deletes the database; the driver is closed already. */
  close(): unknown;
}

/** The arguments of a case. */
export interface CaseOptions {
  readonly races: number;
  readonly subject: JournalSubject;
}

/** A test case of a driver. */
export interface Case {
  readonly name: string;
  check(driver: JournalDriver, options: CaseOptions): Promise<void>;
}

/** The input of a new run. */
export const newRun = (id: string): NewRun => ({
  id,
  flow: "Main",
  version: null,
  graph: "graph",
  params: "{}",
  input: "input",
});

/** Creates and claims a run, and returns the epoch. */
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

/** All keys with entries of a run, in order, each with its items. */
export async function keysOf(driver: JournalDriver, id: string): Promise<string[]> {
  const kinds: EntryKind[] = ["result", "once", "start", "walk", "batch", "store"];
  const entries = await driver.load(id, kinds);
  return entries.map(({ key, item }) => (item === "" ? key : `${key} ${item}`)).sort();
}

/** Sorts entries, independently of the database. */
export const sorted = (entries: readonly Entry[]): Entry[] => {
  const nameOf = ({ kind, key, item }: Entry) => JSON.stringify([kind, key, item]);
  return [...entries].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
};

/** Checks that a call throws or rejects with this error code. */
export async function rejects(call: () => unknown, code: string, what: string): Promise<void> {
  let found: unknown;
  try {
    await call();
  } catch (error) {
    found = (error as { readonly code?: unknown } | undefined)?.code ?? error;
  }
  assert.deepEqual(found, code, `${what}: expected a SluiceError with the code ${code}`);
}

/** Resolves after some turns of the event loop. */
export const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};
