// Bounds the memory of things that arrive slowly, such as bodies, by ending the oldest.

/** A set of holdings with a maximum number and a maximum of bytes. */
export class Holdings {
  readonly #most: number;
  readonly #mostBytes: number;
  /** In order of arrival. */
  readonly #held = new Set<Holding>();
  #bytes = 0;

  constructor(most: number, mostBytes: number) {
    this.#most = most;
    this.#mostBytes = mostBytes;
  }

  /** @param evict - Ends its owner, to make room for others. */
  add(bytes: number, evict: () => void): Holding {
    const holding = new Holding(this, evict);
    this.#held.add(holding);
    holding.grow(bytes);
    return holding;
  }

  /** @internal The oldest are evicted first, which includes slow attackers. */
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

/** One holding, until {@link Holding.release}. */
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
