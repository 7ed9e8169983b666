// What one beat does: probe addresses, compare with the last beat, tell what has changed.
import { AsyncParallelBatchNode, type Context, type ItemFailure, isFailure, Node } from "sluice";

/** How an address is. */
export interface State {
  readonly url: string;
  readonly up: boolean;
  /** How one knows. */
  readonly detail: string;
}

/** The store. Unlike those of other recipes it outlives a run: each beat finds what the last one left. */
export interface Shared {
  readonly urls: readonly string[];
  /** What was told last of each address. */
  readonly told: Map<string, boolean>;
  states: readonly State[];
  changes: readonly State[];
}

/** Creates the store of all beats. */
export const createShared = (urls: readonly string[]): Shared => ({
  urls,
  told: new Map(),
  states: [],
  changes: [],
});

/** Asks all addresses at once. Who does not answer at all is asked once more, and is then down. */
export class Probe extends AsyncParallelBatchNode<Shared, string, State, "collect"> {
  constructor(timeout: number) {
    super({ concurrency: 16, attempts: 2, backoff: 100, timeout, onError: "collect" });
  }

  override prep({ urls }: Shared): readonly string[] {
    return urls;
  }

  override async exec(url: string, { signal }: Context): Promise<State> {
    const startedAt = performance.now();
    const { ok, status, body } = await fetch(url, { signal, redirect: "follow" });
    await body?.cancel();
    return { url, up: ok, detail: `${status} in ${Math.ceil(performance.now() - startedAt)} ms` };
  }

  override post(shared: Shared, _: unknown, results: (State | ItemFailure)[]): void {
    shared.states = results.map((result, at) =>
      isFailure(result) ? { url: shared.urls[at] ?? "", up: false, detail: reason(result.error) } : result,
    );
  }
}

/** What went wrong, with what `fetch` hides behind "fetch failed". */
const reason = (error: unknown): string => {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message : message;
};

/** Picks what is not as it was told last. */
export class Compare extends Node<Shared> {
  override post(shared: Shared): "changed" | "as before" {
    shared.changes = shared.states.filter(({ url, up }) => shared.told.get(url) !== up);
    return shared.changes.length > 0 ? "changed" : "as before";
  }
}

/** Tells what has changed: a line on the terminal, a message to a chat. */
export type Announce = (changes: readonly State[], signal: AbortSignal) => void | Promise<void>;

/** Tells it. Only `post` marks it as told, so what could not be told is told by the next beat. */
export class Tell extends Node<Shared, readonly State[]> {
  readonly #announce: Announce;

  constructor(announce: Announce) {
    super({ attempts: 3, backoff: 100 });
    this.#announce = announce;
  }

  override prep({ changes }: Shared): readonly State[] {
    return changes;
  }

  override exec(changes: readonly State[], { signal }: Context): void | Promise<void> {
    return this.#announce(changes, signal);
  }

  override post({ told }: Shared, changes: readonly State[]): void {
    for (const { url, up } of changes) told.set(url, up);
  }
}
