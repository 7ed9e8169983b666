// Wraps a driver: encodes values, applies the durability of commits, and turns database errors into errors with advice.
import { type Awaitable, SluiceError } from "sluice";
import { after, describe, rethrow, show } from "sluice/internal";
import type {
  Change,
  Claim,
  Entry,
  JournalDriver,
  NewRun,
  QuestionRow,
  RunRow,
  Settlement,
} from "./driver.js";

/** Transforms the texts of values, for example to encrypt them. */
export interface Codec {
  /** Returns the text to keep. Must be synchronous. */
  encode(text: string): string;
  /** Returns the original text. Must be synchronous. */
  decode(text: string): string;
}

const PLAIN: Codec = { encode: (text) => text, decode: (text) => text };

/** Patterns of database errors, and the advice for each. */
const CURES: readonly (readonly [RegExp, string])[] = [
  [/SQLITE_FULL|disk is full|No space left|ENOSPC|53100/, "The disk is full: free some space"],
  [/READONLY|readonly|read-only|EROFS|25006/, "The database cannot be written: make it writable"],
  [/SQLITE_BUSY|database is locked/, "Another process has locked the database: stop it"],
  [
    /ECONN|EPIPE|ETIMEDOUT|57P0|Connection terminated|trying to connect/,
    "The database is unreachable: start it",
  ],
];

/** Adds the codec, the durability and errors with advice to a driver. */
export class GuardedDriver implements JournalDriver {
  readonly name: string;
  readonly #driver: JournalDriver;
  readonly #codec: Codec;
  readonly #durable: boolean;

  /** @param durable - Whether each commit survives a power loss. */
  constructor(driver: JournalDriver, codec: Codec = PLAIN, durable = false) {
    this.name = driver.name;
    this.#driver = driver;
    this.#codec = codec;
    this.#durable = durable;
  }

  /** Calls the driver; results of a synchronous driver stay synchronous. */
  #call<T, U = T>(
    call: () => Awaitable<T>,
    then: (value: T) => U = (value) => value as unknown as U,
  ): Awaitable<U> {
    try {
      return after(call(), then as (value: unknown) => unknown, this.#fail) as Awaitable<U>;
    } catch (error) {
      return this.#fail(error);
    }
  }

  #fail = (error: unknown): never => {
    if (error instanceof SluiceError) return rethrow(error);
    const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
    const cure = CURES.find(([what]) => what.test(`${code} ${message}`))?.[1] ?? "Fix the cause";
    const text = `The journal ${this.name} failed (${describe(error)}). ${cure}, and run again: the run resumes where it stopped`;
    throw new SluiceError("JOURNAL_FAILED", text, { cause: error });
  };

  #code(what: "encode" | "decode", text: string): string {
    let made: unknown;
    try {
      made = this.#codec[what](text);
    } catch (cause) {
      const hint = what === "decode" ? "; is this the codec with which the journal was written?" : "";
      throw new SluiceError("JOURNAL_FAILED", `codec.${what}() threw (${describe(cause)})${hint}`, { cause });
    }
    if (typeof made === "string") return made;
    const wrong = `Expected codec.${what}() to return a string, got ${show(made)}; it must be synchronous`;
    throw new SluiceError("JOURNAL_FAILED", wrong);
  }

  #encode = (text: string): string => this.#code("encode", text);
  #decode = (text: string): string => this.#code("decode", text);

  #runOf = (row: RunRow): RunRow => ({
    ...row,
    params: this.#decode(row.params),
    error: row.error === null ? null : this.#decode(row.error),
  });

  #changeOf = (change: Change): Change => {
    if ("put" in change) return { put: { ...change.put, value: this.#encode(change.put.value) } };
    if ("ask" in change) {
      const { question, schema } = change.ask;
      const coded = schema == null ? null : this.#encode(schema);
      return { ask: { ...change.ask, question: this.#encode(question), schema: coded } };
    }
    return change;
  };

  claim(id: string, create: NewRun | undefined) {
    const coded = create && { ...create, params: this.#encode(create.params) };
    return this.#call(
      () => this.#driver.claim(id, coded),
      (claim: Claim) => ({ ...claim, run: this.#runOf(claim.run) }),
    );
  }

  renew(id: string, epoch: number) {
    return this.#call(() => this.#driver.renew(id, epoch));
  }

  settle(id: string, epoch: number, settlement: Settlement) {
    const error = settlement.error && this.#encode(settlement.error);
    return this.#call(() => this.#driver.settle(id, epoch, error ? { ...settlement, error } : settlement));
  }

  commit(id: string, epoch: number, changes: readonly Change[], durable: boolean) {
    const coded = this.#codec === PLAIN ? changes : changes.map(this.#changeOf);
    return this.#call(() => this.#driver.commit(id, epoch, coded, durable || this.#durable));
  }

  get(...place: Parameters<JournalDriver["get"]>) {
    return this.#call(
      () => this.#driver.get(...place),
      (value: string | undefined) => (value === undefined ? undefined : this.#decode(value)),
    );
  }

  load(...which: Parameters<JournalDriver["load"]>) {
    return this.#call(
      () => this.#driver.load(...which),
      (entries: readonly Entry[]) =>
        this.#codec === PLAIN
          ? entries
          : entries.map((entry) => ({ ...entry, value: this.#decode(entry.value) })),
    );
  }

  items(...which: Parameters<JournalDriver["items"]>) {
    return this.#call(() => this.#driver.items(...which));
  }

  sweep(...which: Parameters<JournalDriver["sweep"]>) {
    return this.#call(() => this.#driver.sweep(...which));
  }

  questions(id?: string) {
    const decoded = (row: QuestionRow): QuestionRow => ({
      ...row,
      question: this.#decode(row.question),
      schema: row.schema == null ? null : this.#decode(row.schema),
      answer: row.answer === null ? null : this.#decode(row.answer),
    });
    return this.#call(
      () => this.#driver.questions(id),
      (rows: readonly QuestionRow[]) => rows.map(decoded),
    );
  }

  answer(token: string, answer: string) {
    const coded = this.#encode(answer);
    return this.#call(() => this.#driver.answer(token, coded));
  }

  runs(filter?: Parameters<JournalDriver["runs"]>[0]) {
    return this.#call(
      () => this.#driver.runs(filter),
      (rows: readonly RunRow[]) => rows.map(this.#runOf),
    );
  }

  run(id: string) {
    return this.#call(
      () => this.#driver.run(id),
      (row: RunRow | undefined) => row && this.#runOf(row),
    );
  }

  cancel(id: string) {
    return this.#call(() => this.#driver.cancel(id));
  }

  holder() {
    return this.#call(async () => this.#driver.holder?.());
  }

  prune(olderThan: number) {
    return this.#call(() => this.#driver.prune(olderThan));
  }

  close() {
    return this.#call(() => this.#driver.close());
  }
}
