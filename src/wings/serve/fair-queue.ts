// A fair queue: keys take turns, and each key is served in order of arrival. Imports nothing.

/** A waiting entry. */
export interface Entry {
  readonly key: string;
  readonly bytes: number;
}

/** The entries of one key. */
interface Queue<E> {
  readonly entries: Set<E>;
  /** Written by add and remove. */
  bytes: number;
}

/** Entries by their keys. The first key of the map has the next turn. */
export class FairQueue<E extends Entry> {
  readonly #queues = new Map<string, Queue<E>>();
  #size = 0;
  #bytes = 0;

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(entry: E): void {
    let queue = this.#queues.get(entry.key);
    if (queue === undefined) this.#queues.set(entry.key, (queue = { entries: new Set(), bytes: 0 }));
    queue.entries.add(entry);
    queue.bytes += entry.bytes;
    this.#size++;
    this.#bytes += entry.bytes;
  }

  /** Removes an entry, if it is in the queue. */
  remove(entry: E): void {
    const queue = this.#queues.get(entry.key);
    if (!queue?.entries.delete(entry)) return;
    queue.bytes -= entry.bytes;
    this.#size--;
    this.#bytes -= entry.bytes;
    if (queue.entries.size === 0) this.#queues.delete(entry.key);
  }

  /** Removes and returns the next entry. */
  shift(): E | undefined {
    for (const [key, queue] of this.#queues) {
      const [first] = queue.entries;
      this.remove(first as E);
      if (this.#queues.delete(key)) this.#queues.set(key, queue); // its next turn comes after the other keys'
      return first;
    }
    return undefined;
  }

  /** The last entry of the key with the most entries or bytes; of this key, if no other has more. */
  lastOfLargest(measure: "size" | "bytes", key: string): E | undefined {
    const amountOf = (queue: Queue<E> | undefined) =>
      measure === "size" ? (queue?.entries.size ?? 0) : (queue?.bytes ?? 0);
    let largest = this.#queues.get(key);
    for (const queue of this.#queues.values()) {
      if (amountOf(queue) > amountOf(largest)) largest = queue;
    }
    return largest && [...largest.entries].at(-1);
  }

  /** Entries in the order of their turns. */
  *inOrder(): Generator<E, void, undefined> {
    let rows = [...this.#queues.values()].map(({ entries }) => entries.values());
    while (rows.length > 0) {
      const left: typeof rows = [];
      for (const row of rows) {
        const { done, value } = row.next();
        if (done) continue;
        yield value;
        left.push(row);
      }
      rows = left;
    }
  }

  /** The number of turns before the last entry of a key. */
  before(key: string): number {
    const own = (this.#queues.get(key)?.entries.size ?? 1) - 1;
    let [turns, isAfter] = [own, false];
    for (const [other, { entries }] of this.#queues) {
      if (other === key) isAfter = true;
      else turns += Math.min(entries.size, isAfter ? own : own + 1);
    }
    return turns;
  }
}
