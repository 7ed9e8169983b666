// The items of a batch that earlier processes have recorded.
import type { SavedBatch } from "./batch-part.js";
import type { EntryKind, JournalDriver } from "./driver.js";
import { fromText, NumberByFingerprint } from "./identity.js";
import { Ranges } from "./ranges.js";

/** The number of item rows per page. */
const PAGE = 10_000;

/** Recorded items. A slot is the number of an item in its keys. */
export interface KnownItems {
  readonly saved: SavedBatch | undefined;
  /** Slots by the hash of their item, if items are found by hash. */
  readonly byHash: NumberByFingerprint | undefined;
  /** Slots with a result; `named` has slots with other rows. */
  readonly results: Ranges;
  readonly begun: Ranges;
  /** The first free slot. */
  readonly free: number;
}

/**
 * Reads the rows of a batch.
 *
 * @param isKept - Whether the original list is kept, so that an index identifies an item.
 */
export async function loadItems(
  driver: JournalDriver,
  run: string,
  key: string,
  saved: SavedBatch | undefined,
  isKept: boolean,
): Promise<KnownItems> {
  const rows = { result: new Ranges(), start: new Ranges(), once: new Ranges() };
  const hashes = new NumberByFingerprint();
  let free = 0;
  let hasHashes = false;
  for (const kind of ["result", "start", "once"] as const) {
    for await (const { item, hash } of itemsOf(driver, run, kind, key)) {
      const slot = Number(item);
      rows[kind].add(slot);
      free = Math.max(free, slot + 1);
      if (hash === undefined) continue;
      hasHashes = true;
      hashes.set(fromText(hash), slot);
    }
  }
  const byHash = saved?.byHash === true || (hasHashes && !isKept);
  return { saved, results: rows.result, begun: rows.start, free, byHash: byHash ? hashes : undefined };
}

async function* itemsOf(driver: JournalDriver, run: string, kind: EntryKind, key: string) {
  for (let after: string | undefined; ; ) {
    const page = await driver.items(run, kind, key, after, PAGE);
    yield* page;
    if (page.length < PAGE) return;
    after = page.at(-1)?.item;
  }
}
