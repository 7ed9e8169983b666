// Records the values of one run: inputs and results of steps and items, and the changes of stores by key.
import type { ValueSink } from "sluice/internal";
import { type Copying, plain } from "./plain.js";
import type { StoreLine, TraceLine } from "./trace-line.js";

/** The unwritten values of an item or an open step. */
type Fields = Pick<TraceLine, "input" | "result">;

/** The last known state of a store: JSON by key. */
interface Known {
  readonly id: number;
  readonly keys: Map<string, string>;
}

export class RunValues implements ValueSink {
  readonly #write: (step: number, fields: Partial<TraceLine>) => void;
  readonly #how: Copying;
  /** The values for the next line of an item, by its id. */
  readonly #pending = new Map<number, Fields>();
  readonly #stores = new WeakMap<object, Known>();
  /** The stores of open steps. */
  readonly #open = new Map<number, object>();
  #counted = 0;

  /** @param write - Writes a line of a step. */
  constructor(write: (step: number, fields: Partial<TraceLine>) => void, how: Copying) {
    this.#write = write;
    this.#how = how;
  }

  begun(step: number, shared: unknown): void {
    if (typeof shared !== "object" || shared === null) return;
    this.#open.set(step, shared);
    if (this.#stores.has(shared)) return;
    const known: Known = { id: ++this.#counted, keys: new Map() };
    this.#stores.set(shared, known);
    const { set } = this.#changes(shared, known);
    this.#write(step, { store: { id: known.id, when: "before", set } });
  }

  prepared(step: number, value: unknown): void {
    this.#write(step, { prep: this.#copy("prep", value) });
  }

  executed(step: number, result: unknown): void {
    this.#write(step, { result: this.#copy("result", result), store: this.#look(step, "exec") });
  }

  given(item: number, input: unknown): void {
    this.#pending.set(item, { input: this.#copy("input", input) });
  }

  gave(item: number, result: unknown): void {
    this.#pending.set(item, { result: this.#copy("result", result) });
  }

  /** Takes the values for the line of an item. */
  take(item: number): Fields | undefined {
    const fields = this.#pending.get(item);
    this.#pending.delete(item);
    return fields;
  }

  /** Called at the end of a step: writes the changes since its result. */
  ended(step: number): void {
    const store = this.#look(step, "post");
    if (store !== undefined) this.#write(step, { store });
    this.#open.delete(step);
  }

  #look(step: number, when: StoreLine["when"]): StoreLine | undefined {
    const shared = this.#open.get(step);
    const known = shared && this.#stores.get(shared);
    if (shared === undefined || known === undefined) return undefined;
    const { set, deleted } = this.#changes(shared, known);
    const isSame = Object.keys(set).length === 0 && deleted.length === 0;
    return isSame ? undefined : { id: known.id, when, set, ...(deleted.length > 0 && { deleted }) };
  }

  /** Compares a store with its last known state, and updates that state. */
  #changes(shared: object, { keys }: Known): { set: Record<string, unknown>; deleted: string[] } {
    const set: Record<string, unknown> = Object.create(null);
    const gone = new Set(keys.keys());
    for (const key of keysOf(shared)) {
      gone.delete(key);
      const value = this.#copy("store", readOf(shared, key), key) ?? null;
      const text = JSON.stringify(value);
      if (keys.get(key) === text) continue;
      keys.set(key, text);
      set[key] = value;
    }
    for (const key of gone) keys.delete(key);
    return { set, deleted: [...gone] };
  }

  #copy(...args: [what: string, value: unknown, key?: string]): unknown {
    const [what, value, key] = args;
    return plain(value, { ...this.#how, path: key === undefined ? [what] : [what, key] });
  }
}

/** The keys of a store, which may be a proxy that throws. */
function keysOf(shared: object): string[] {
  try {
    return Object.keys(shared);
  } catch {
    return [];
  }
}

function readOf(shared: object, key: string): unknown {
  try {
    return (shared as Record<string, unknown>)[key];
  } catch {
    return "[unreadable]";
  }
}
