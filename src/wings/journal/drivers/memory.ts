// A journal in memory: for tests, and for runs that only need to survive an error.
import type {
  Change,
  Claim,
  Entry,
  EntryKind,
  JournalDriver,
  NewRun,
  QuestionRow,
  RunRow,
  RunState,
  Settlement,
} from "../driver.js";
import { isUnder } from "../keys.js";
import { inUse, isRow, lost, thisProcess, unknown } from "./claims.js";

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** A run with its entries. */
interface Kept {
  readonly row: Writable<RunRow>;
  epoch: number;
  /** By kind, key and item. */
  readonly entries: Map<string, Entry>;
}

const nameOf = ({ kind, key, item }: Pick<Entry, "kind" | "key" | "item">): string =>
  JSON.stringify([kind, key, item]);

const isOver = (state: RunState): boolean => state === "done" || state === "cancelled";

/** A journal driver in memory. */
export class MemoryDriver implements JournalDriver {
  readonly name = ":memory:";
  readonly #runs = new Map<string, Kept>();
  readonly #questions = new Map<string, Writable<QuestionRow>>();
  /** Questions whose answer a call has taken. */
  readonly #taken = new Set<string>();

  claim(id: string, create: NewRun | undefined): Claim {
    let kept = this.#runs.get(id);
    const isNew = kept === undefined;
    if (kept === undefined) {
      if (create === undefined) throw unknown(id);
      kept = { row: newRow(create), epoch: 0, entries: new Map() };
      this.#runs.set(id, kept);
    }
    const { row } = kept;
    if (row.isOwned) throw inUse(id);
    const run = { ...row };
    row.isOwned = true;
    row.owner = thisProcess();
    if (!isOver(row.state)) {
      row.state = "running";
      row.claims++;
    }
    return { run, epoch: ++kept.epoch, isNew };
  }

  #claimed(id: string, epoch: number): Kept {
    const kept = this.#runs.get(id);
    if (kept === undefined || kept.epoch !== epoch || !kept.row.isOwned) throw lost(id);
    return kept;
  }

  renew(id: string, epoch: number): boolean {
    return this.#claimed(id, epoch).row.state === "cancelled";
  }

  settle(id: string, epoch: number, { state, action, error }: Settlement): boolean {
    const { row } = this.#claimed(id, epoch);
    const isNew = ({ token, answer }: QuestionRow) => answer !== null && !this.#taken.has(token);
    if (state === "suspended" && this.questions(id).some(isNew)) return false;
    row.isOwned = false;
    row.owner = null;
    if (row.state !== "cancelled") row.state = state;
    row.action = action ?? null;
    row.error = error ?? null;
    row.updatedAt = Date.now();
    return true;
  }

  commit(id: string, epoch: number, changes: readonly Change[]): void {
    const kept = this.#claimed(id, epoch);
    for (const change of changes) check(change); // before the first change is applied: all or none
    for (const change of changes) this.#change(id, kept, change);
    kept.row.updatedAt = Date.now();
    if (changes.some(isRow)) kept.row.claims = 0;
  }

  #change(id: string, { row, entries }: Kept, change: Change): void {
    if ("put" in change) entries.set(nameOf(change.put), change.put);
    else if ("delete" in change) entries.delete(nameOf(change.delete));
    else if ("progress" in change) Object.assign(row, change.progress);
    else if ("ask" in change) {
      if (this.#questions.has(change.ask.token)) return;
      this.#questions.set(change.ask.token, { ...change.ask, run: id, answer: null, askedAt: Date.now() });
    } else if ("take" in change) this.#taken.add(change.take);
    else if ("reopen" in change) {
      this.#taken.delete(change.reopen);
      const question = this.#questions.get(change.reopen);
      if (question !== undefined) question.answer = null;
    } else this.#drop(id, entries, change.drop, Number.POSITIVE_INFINITY);
  }

  /** Deletes entries at and under a key; the store of the run itself is under no key. */
  #drop(id: string, entries: Map<string, Entry>, key: string, limit: number): boolean {
    let left = limit;
    for (const [token, question] of this.#questions) {
      if (question.run === id && (key === "" || isUnder(question.key, key))) this.#questions.delete(token);
    }
    for (const [name, entry] of entries) {
      if (key === "" ? entry.kind === "store" && entry.key === "" : !isUnder(entry.key, key)) continue;
      if (left-- === 0) return true;
      entries.delete(name);
    }
    return false;
  }

  get(id: string, kind: EntryKind, key: string, item: string): string | undefined {
    return this.#runs.get(id)?.entries.get(nameOf({ kind, key, item }))?.value;
  }

  load(id: string, kinds: readonly EntryKind[]): Entry[] {
    return [...(this.#runs.get(id)?.entries.values() ?? [])].filter(({ kind }) => kinds.includes(kind));
  }

  items(id: string, kind: EntryKind, key: string, after: string | undefined, limit: number) {
    return this.load(id, [kind])
      .filter((entry) => entry.key === key && (after === undefined || entry.item > after))
      .sort((a, b) => (a.item < b.item ? -1 : 1))
      .slice(0, limit)
      .map(({ item, hash }) => ({ item, hash }));
  }

  sweep(id: string, key: string, limit: number): boolean {
    const kept = this.#runs.get(id);
    return kept !== undefined && this.#drop(id, kept.entries, key, limit);
  }

  questions(id?: string): QuestionRow[] {
    const all = [...this.#questions.values()].map((question) => ({ ...question }));
    return id === undefined ? all : all.filter(({ run }) => run === id);
  }

  answer(token: string, answer: string): "answered" | "unknown" | "already" | "expired" {
    const question = this.#questions.get(token);
    if (question === undefined) return "unknown";
    if (question.answer !== null) return "already";
    if (question.expiresAt !== null && question.expiresAt <= Date.now()) return "expired";
    question.answer = answer;
    return "answered";
  }

  runs({ state, limit = Number.POSITIVE_INFINITY }: { state?: RunState; limit?: number } = {}): RunRow[] {
    return [...this.#runs.values()]
      .map(({ row }) => ({ ...row }))
      .filter((row) => state === undefined || row.state === state)
      .sort((a, b) => b.createdAt - a.createdAt)
      .slice(0, limit);
  }

  run(id: string): RunRow | undefined {
    const kept = this.#runs.get(id);
    return kept && { ...kept.row };
  }

  cancel(id: string): boolean {
    const row = this.#runs.get(id)?.row;
    if (row === undefined || isOver(row.state)) return false;
    row.state = "cancelled";
    row.updatedAt = Date.now();
    return true;
  }

  prune(olderThan: number): number {
    let pruned = 0;
    for (const [id, { row }] of this.#runs) {
      if (!isOver(row.state) || row.isOwned || Date.now() - row.updatedAt < olderThan) continue;
      this.#runs.delete(id);
      for (const [token, { run }] of this.#questions) if (run === id) this.#questions.delete(token);
      pruned++;
    }
    return pruned;
  }

  close(): void {}
}

/** Refuses values that no database accepts. */
function check(change: Change): void {
  const text = "put" in change ? change.put.value : "ask" in change ? change.ask.question : "";
  if (typeof text !== "string") throw new TypeError(`Expected a text to keep, got ${typeof text}`);
}

const newRow = (made: NewRun): Writable<RunRow> => ({
  ...made,
  state: "running",
  steps: 0,
  calls: 0,
  tokens: 0,
  action: null,
  error: null,
  createdAt: Date.now(),
  updatedAt: Date.now(),
  claims: 0,
  isOwned: false,
  owner: null,
});
