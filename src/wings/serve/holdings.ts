// What takes memory until it ends, such as bodies that arrive: bounded by ending the oldest.

/** A set of holdings of at most so many, and of at most so many bytes. */
export class Holdings {
  readonly #most: number;
  readonly #mostBytes: number;
  /** In the order in which they came. */
  readonly #held = new Set<Holding>();
  #bytes = 0;

  constructor(most: number, mostBytes: number) {
    this.#most = most;
    this.#mostBytes = mostBytes;
  }

  /** @param evict - Ends what holds it, to make room for others. */
  add(bytes: number, evict: () => void): Holding {
    const holding = new Holding(this, evict);
    this.#held.add(holding);
    holding.grow(bytes);
    return holding;
  }

  /** @internal Slow ones go first, and an attacker that is slow is among them. */
  grown(bytes: number): void {
    this.#bytes += bytes;
    for (const oldest of this.#held) {
      if (this.#held.size <= this.#most && this.#bytes <= this.#mostBytes) return;
      oldest.release();
      oldest.evict();
    }
  }

  /** @internal */
  remove(holding: Holding): void {
    if (this.#held.delete(holding)) this.#bytes -= holding.bytes;
  }
}

/** One of them, until {@link Holding.release}. */
export class Holding {
  /** Written by {@link grow}. */
  bytes = 0;
  readonly evict: () => void;
  readonly #holdings: Holdings;
  #released = false;

  constructor(holdings: Holdings, evict: () => void) {
    this.#holdings = holdings;
    this.evict = evict;
  }

  grow(bytes: number): void {
    if (this.#released) return;
    this.bytes += bytes;
    this.#holdings.grown(bytes);
  }

  release(): void {
    this.#released = true;
    this.#holdings.remove(this);
  }
}
