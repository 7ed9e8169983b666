// The changes of one commit as few statements: one for all puts and one for all deletes between two drops.
import type { Change, Entry, QuestionRow, RunRow } from "../driver.js";
import { ANY_KIND, indexed, isUnderSql, under } from "./postgres-keys.js";
import { toSafe } from "./safe-text.js";

/** A parameter in SQL. */
type Parameter = (index: number) => string;

/** A statement on the run whose number is the one row of `fence`, and its parameters. */
export interface Statement {
  readonly text: (parameter: Parameter) => string;
  readonly values: readonly unknown[];
}

/** A commit. */
export interface Plan {
  /** The last one wins. */
  readonly progress: Pick<RunRow, "steps" | "calls" | "tokens"> | undefined;
  readonly statements: readonly Statement[];
  /** Whether no two of them touch the same row, so that they may be one statement. */
  readonly isApart: boolean;
}

type Asked = Omit<QuestionRow, "run" | "answer" | "askedAt">;
type Place = Pick<Entry, "kind" | "key" | "item">;

const put: Statement["text"] = ($) => `
  INSERT INTO sluice.entries (run, kind, key, full_key, item, full_item, hash, value)
  SELECT fence.n, row.* FROM fence,
    unnest(${$(1)}::text[], ${$(2)}::text[], ${$(3)}::text[], ${$(4)}::text[], ${$(5)}::text[], ${$(6)}::text[], ${$(7)}::text[])
      AS row
  ON CONFLICT (run, kind, key, item) DO UPDATE SET hash = excluded.hash, value = excluded.value`;

const remove: Statement["text"] = ($) => `
  DELETE FROM sluice.entries AS entry
  USING fence, unnest(${$(1)}::text[], ${$(2)}::text[], ${$(3)}::text[]) AS gone (kind, key, item)
  WHERE entry.run = fence.n AND entry.kind = gone.kind AND entry.key = gone.key AND entry.item = gone.item`;

const ask: Statement["text"] = ($) => `
  INSERT INTO sluice.questions (run, token, key, full_key, nth, question, schema, path, index, expires_at)
  SELECT fence.n, token, key, full_key, nth, question, schema, path, index, to_timestamp(expires_at / 1000)
  FROM fence, unnest(${$(1)}::text[], ${$(2)}::text[], ${$(3)}::text[], ${$(4)}::integer[], ${$(5)}::text[],
    ${$(6)}::text[], ${$(7)}::text[], ${$(8)}::integer[], ${$(9)}::float8[])
    AS asked (token, key, full_key, nth, question, schema, path, index, expires_at)
  ON CONFLICT (token) DO NOTHING`;

const take: Statement["text"] = ($) => `
  UPDATE sluice.questions SET is_taken = true FROM fence WHERE run = fence.n AND token = ANY (${$(1)}::text[])`;

const reopen: Statement["text"] = ($) => `
  UPDATE sluice.questions SET answer = NULL, is_taken = false
  FROM fence WHERE run = fence.n AND token = ANY (${$(1)}::text[])`;

const dropFrom =
  (table: "entries" | "questions"): Statement["text"] =>
  ($) =>
    `
  DELETE FROM sluice.${table}
  WHERE run = (SELECT n FROM fence) ${table === "entries" ? ANY_KIND : ""} AND ${isUnderSql($(1), $(2))}`;

const nameOf = ({ kind, key, item }: Place): string => JSON.stringify([kind, key, item]);

/** Gathers changes for one statement. */
class Planner {
  readonly #statements: Statement[] = [];
  /** By row, so that the last change wins: one statement cannot write a row twice. */
  readonly #puts = new Map<string, Entry>();
  readonly #deletes = new Map<string, Place>();
  #asked: Asked[] = [];
  #tokens: { readonly text: Statement["text"]; readonly list: string[] } | undefined;
  #progress: Plan["progress"];
  #isApart = true;

  add(change: Change): void {
    if ("put" in change) {
      const name = nameOf(change.put);
      this.#deletes.delete(name);
      this.#puts.set(name, change.put);
    } else if ("delete" in change) {
      const name = nameOf(change.delete);
      this.#puts.delete(name);
      this.#deletes.set(name, change.delete);
    } else if ("progress" in change) this.#progress = change.progress;
    else if ("ask" in change) {
      if (this.#tokens !== undefined) this.#isApart = false;
      this.#endTokens();
      this.#asked.push(change.ask);
    } else if ("take" in change) this.#token(take, change.take);
    else if ("reopen" in change) this.#token(reopen, change.reopen);
    else this.#drop(change.drop);
  }

  #token(text: Statement["text"], token: string): void {
    if (this.#asked.length > 0) this.#isApart = false;
    this.#endAsked();
    if (this.#tokens !== undefined && this.#tokens.text !== text) {
      this.#endTokens();
      this.#isApart = false;
    }
    this.#tokens ??= { text, list: [] };
    this.#tokens.list.push(toSafe(token));
  }

  #drop(key: string): void {
    this.#endEntries();
    this.#endAsked();
    this.#endTokens();
    const values = under(key);
    this.#statements.push({ text: dropFrom("entries"), values }, { text: dropFrom("questions"), values });
    this.#isApart = false;
  }

  #endEntries(): void {
    if (this.#deletes.size > 0) {
      const gone = [...this.#deletes.values()];
      const values = [
        gone.map(({ kind }) => kind),
        gone.map(({ key }) => indexed(key).text),
        gone.map(({ item }) => indexed(item).text),
      ];
      this.#statements.push({ text: remove, values });
      this.#deletes.clear();
    }
    if (this.#puts.size === 0) return;
    const puts = [...this.#puts.values()];
    const keys = puts.map(({ key }) => indexed(key));
    const items = puts.map(({ item }) => indexed(item));
    const values = [
      puts.map(({ kind }) => kind),
      keys.map(({ text }) => text),
      keys.map(({ full }) => full),
      items.map(({ text }) => text),
      items.map(({ full }) => full),
      puts.map(({ hash }) => (hash === undefined ? null : toSafe(hash))),
      puts.map(({ value }) => toSafe(value)),
    ];
    this.#statements.push({ text: put, values });
    this.#puts.clear();
  }

  #endAsked(): void {
    const asked = this.#asked;
    if (asked.length === 0) return;
    this.#asked = [];
    const keys = asked.map(({ key }) => indexed(key));
    const values = [
      asked.map(({ token }) => toSafe(token)),
      keys.map(({ text }) => text),
      keys.map(({ full }) => full),
      asked.map(({ nth }) => nth),
      asked.map(({ question }) => toSafe(question)),
      asked.map(({ schema }) => (schema == null ? null : toSafe(schema))),
      asked.map(({ path }) => toSafe(path)),
      asked.map(({ index }) => index),
      asked.map(({ expiresAt }) => expiresAt),
    ];
    this.#statements.push({ text: ask, values });
  }

  #endTokens(): void {
    if (this.#tokens === undefined) return;
    this.#statements.push({ text: this.#tokens.text, values: [this.#tokens.list] });
    this.#tokens = undefined;
  }

  end(): Plan {
    this.#endEntries();
    this.#endAsked();
    this.#endTokens();
    return { progress: this.#progress, statements: this.#statements, isApart: this.#isApart };
  }
}

/** Plans a commit. */
export function planOf(changes: readonly Change[]): Plan {
  const planner = new Planner();
  for (const change of changes) planner.add(change);
  return planner.end();
}
