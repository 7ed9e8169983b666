// The history of a run's stores: the changes of each step, and the store before and after. From a trace with values.
import { isStore } from "../../wings/trace/parse-line.js";
import type { StoreLine } from "../../wings/trace/trace-line.js";
import type { Span, Value } from "./span.js";

/** A key that a step changed. */
export interface StoreChange {
  readonly key: string;
  readonly when: StoreLine["when"];
  /** `undefined` if the key did not exist; `after` is `undefined` if it was deleted. */
  readonly before: unknown;
  readonly after: unknown;
}

/** A store by key. */
export type Store = ReadonlyMap<string, unknown>;

interface Entry {
  readonly span: Span;
  readonly line: StoreLine;
}

export class StoreHistory {
  /** Lines added since the last reading, which is lazy. */
  #unread: { readonly span: Span; readonly value: Value }[] = [];
  readonly #entries: Entry[] = [];
  readonly #bySpan = new Map<Span, StoreLine[]>();

  get isEmpty(): boolean {
    return this.#entries.length === 0 && this.#unread.length === 0;
  }

  add(span: Span, value: Value): void {
    this.#unread.push({ span, value });
  }

  #read(): readonly Entry[] {
    const unread = this.#unread;
    this.#unread = [];
    for (const { span, value } of unread) {
      const line = value.value;
      if (!isStore(line)) continue;
      this.#entries.push({ span, line });
      const known = this.#bySpan.get(span);
      if (known === undefined) this.#bySpan.set(span, [line]);
      else known.push(line);
    }
    return this.#entries;
  }

  /** The changes of a step itself. */
  linesOf(span: Span): readonly Pick<StoreLine, "set" | "deleted">[] {
    this.#read();
    const lines = this.#bySpan.get(span) ?? [];
    return lines.map(({ set, deleted = [] }) => ({ set, deleted }));
  }

  /** The changes of a step and its inner spans in order, with the store before and after them. */
  of(span: Span): { before: Store; after: Store; changes: StoreChange[] } | undefined {
    const entries = this.#read();
    const own = entries.filter((entry) => isIn(entry.span, span));
    const id = (own.find((entry) => entry.span === span) ?? own[0])?.line.id;
    const last = own.filter(({ line }) => line.id === id).at(-1);
    if (last === undefined) return undefined;
    const store = new Map<string, unknown>();
    const changes: StoreChange[] = [];
    let before: Store | undefined;
    for (const { span: each, line } of entries) {
      if (line.id !== id) continue;
      const counts = line.when !== "before" && isIn(each, span);
      if (counts) before ??= new Map(store);
      const made = apply(line, store);
      if (counts) changes.push(...made);
      if (line === last.line) break;
    }
    return { before: before ?? store, after: store, changes };
  }
}

/** Applies a line to a store. */
function apply({ set, deleted = [], when }: StoreLine, store: Map<string, unknown>): StoreChange[] {
  const changes: StoreChange[] = [];
  for (const [key, after] of Object.entries(set)) {
    changes.push({ key, when, before: store.get(key), after });
    store.set(key, after);
  }
  for (const key of deleted) {
    changes.push({ key, when, before: store.get(key), after: undefined });
    store.delete(key);
  }
  return changes;
}

function isIn(span: Span, outer: Span): boolean {
  for (let each: Span | undefined = span; each !== undefined; each = each.parent)
    if (each === outer) return true;
  return false;
}
