// What the steps of a run changed in its stores, and so what a store was before and after each. From a trace with values.
import type { StoreLine } from "../../wings/trace/trace-line.js";
import type { Span } from "./span.js";

/** A key that a step changed. */
export interface StoreChange {
  readonly key: string;
  readonly when: StoreLine["when"];
  /** `undefined` where the key was not there, or is not any more. */
  readonly before: unknown;
  readonly after: unknown;
}

/** A store by key. */
export type Store = ReadonlyMap<string, unknown>;

export class StoreHistory {
  readonly #lines: { readonly span: Span; readonly line: StoreLine }[] = [];
  readonly #bySpan = new Map<Span, StoreLine[]>();

  get isEmpty(): boolean {
    return this.#lines.length === 0;
  }

  add(span: Span, line: StoreLine): void {
    this.#lines.push({ span, line });
    const known = this.#bySpan.get(span);
    if (known === undefined) this.#bySpan.set(span, [line]);
    else known.push(line);
  }

  /** What a step itself set and deleted. */
  linesOf(span: Span): readonly Pick<StoreLine, "set" | "deleted">[] {
    const lines = this.#bySpan.get(span) ?? [];
    return lines.map(({ set, deleted = [] }) => ({ set, deleted }));
  }

  /** What a step, and all that is in it, changed, in order; with the store before the first of that and after the last. */
  of(span: Span): { before: Store; after: Store; changes: StoreChange[] } | undefined {
    const id = this.#storeOf(span);
    if (id === undefined) return undefined;
    const store = new Map<string, unknown>();
    const changes: StoreChange[] = [];
    let before: Store | undefined;
    let after: Store = new Map();
    for (const { span: each, line } of this.#lines) {
      if (line.id !== id) continue;
      const isOwn = isIn(each, span);
      const isBegin = line.when === "before";
      if (isOwn && !isBegin) before ??= new Map(store);
      const made = apply(line, store);
      if (isOwn && !isBegin) changes.push(...made);
      if (isOwn) after = new Map(store);
    }
    return { before: before ?? after, after, changes };
  }

  /** The store that a step works on: that of its own lines, else of those before it. */
  #storeOf(span: Span): number | undefined {
    for (const { span: each, line } of this.#lines) if (each === span) return line.id;
    for (const { span: each, line } of this.#lines) if (isIn(each, span)) return line.id;
    return undefined;
  }
}

/** Changes a store as a line says. */
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
