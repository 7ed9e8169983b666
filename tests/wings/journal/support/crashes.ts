// A driver in memory whose process can be killed: it notes what is written, so that the state after any write can be
// had again.
import type {
  Change,
  Claim,
  JournalDriver,
  NewRun,
  Settlement,
} from "../../../../src/wings/journal/driver.js";
import { MemoryDriver } from "../../../../src/wings/journal/drivers/memory.js";
import { Journal } from "../../../../src/wings/journal/journal.js";

/** Notes what is written through it. */
export class RecordedDriver extends MemoryDriver implements JournalDriver {
  readonly writes: ((driver: RecordedDriver) => unknown)[] = [];
  readonly #epochs = new Map<string, number>();

  override claim(id: string, create: NewRun | undefined): Claim {
    const claim = super.claim(id, create);
    this.#epochs.set(id, claim.epoch);
    this.writes.push((driver) => driver.claim(id, create));
    return claim;
  }

  override settle(id: string, epoch: number, settlement: Settlement): boolean {
    this.writes.push((driver) => driver.settle(id, epoch, settlement));
    return super.settle(id, epoch, settlement);
  }

  override commit(id: string, epoch: number, changes: readonly Change[]): void {
    super.commit(id, epoch, changes);
    this.writes.push((driver) => driver.commit(id, epoch, changes));
  }

  override sweep(id: string, key: string, limit: number): boolean {
    this.writes.push((driver) => driver.sweep(id, key, limit));
    return super.sweep(id, key, limit);
  }

  override answer(token: string, answer: string) {
    this.writes.push((driver) => driver.answer(token, answer));
    return super.answer(token, answer);
  }

  /** What a process finds that starts when this one was killed after so many writes. */
  killedAfter(count: number): RecordedDriver {
    const next = new RecordedDriver();
    for (const write of this.writes.slice(0, count)) write(next);
    for (const { id, isOwned } of next.runs()) {
      if (isOwned) next.settle(id, next.#epochs.get(id) as number, { state: "running" });
    }
    return next;
  }
}

export const journalOn = (driver: JournalDriver): Journal => new Journal(driver);
