// The engine's cancellation: a tree of flags with listeners. It is cheaper than one AbortController per level, and adds
// one listener to a caller's signal however many runs share it.
import { type Awaitable, isThenable } from "./awaitable.js";

type Listener = () => void;

/**
 * One level of cancellation: a run, a fan-out, a branch, an attempt with a timeout.
 *
 * It has three strengths. *Draining* ends the engine's own waits and starts nothing new; running hooks finish.
 * *Aborted* also fires the signals of hooks. *Abandoning* also stops waiting for a leaf `exec` that ignores its signal:
 * at the caller's signal, a timeout and a lost branch, but not at a sibling's failure.
 */
export class Cancellation {
  /** Whether waits end and nothing new begins; also true once it is aborted. */
  draining = false;
  aborted = false;
  abandoning = false;
  /** Whether it can ever be abandoning; if not, work need not be raced against it. */
  mayAbandon: boolean;
  reason: unknown;
  /** The first listener, and the others: most levels have one, and a Set takes 200 bytes. */
  #listener: Listener | undefined;
  #others: Set<Listener> | undefined;
  #unsubscribe: Listener[] | undefined;

  constructor(mayAbandon = false) {
    this.mayAbandon = mayAbandon;
  }

  /** Fires once per strength; a caller's abort after a sibling's failure replaces the reason. */
  abort(reason: unknown, abandon: boolean): void {
    if (this.aborted && (this.abandoning || !abandon)) return;
    this.draining = true;
    this.aborted = true;
    this.abandoning = abandon;
    this.reason = reason;
    this.#callListeners();
  }

  /** Ends waits with this reason and prevents new work; an abort may follow. */
  drain(reason: unknown): void {
    if (this.draining) return;
    this.draining = true;
    this.reason = reason;
    this.#callListeners();
  }

  #callListeners(): void {
    const others = [...(this.#others ?? [])];
    this.#listener?.();
    for (const listener of others) listener();
  }

  listen(listener: Listener): void {
    if (this.#listener === undefined && !this.#others?.size) this.#listener = listener;
    else (this.#others ??= new Set()).add(listener);
  }

  unlisten(listener: Listener): void {
    if (this.#listener === listener) this.#listener = undefined;
    else this.#others?.delete(listener);
  }

  /** Makes this level fire with another one, until {@link release}. */
  follow(parent: Cancellation): this {
    const pass = () => {
      if (parent.aborted) this.abort(parent.reason, parent.abandoning);
      else if (parent.draining) this.drain(parent.reason);
    };
    if (parent.mayAbandon) this.mayAbandon = true;
    pass();
    parent.listen(pass);
    this.#whenReleased(() => parent.unlisten(pass));
    return this;
  }

  /** Makes this level fire with a caller's signal, until {@link release}. */
  followSignal(signal: AbortSignal): this {
    this.mayAbandon = true;
    if (signal.aborted) this.abort(signal.reason, true);
    else this.#whenReleased(relayFor(signal).add(this));
    return this;
  }

  /** Not `push`: an array that grows by it reserves room for 17 entries. */
  #whenReleased(unsubscribe: Listener): void {
    this.#unsubscribe = [...(this.#unsubscribe ?? []), unsubscribe];
  }

  /** Drains this level with a caller's signal, until {@link release}. */
  followDrain(signal: AbortSignal): this {
    if (signal.aborted) this.drain(signal.reason);
    else this.#whenReleased(drainRelayFor(signal).add(this));
    return this;
  }

  /** Removes its listeners from everything that it follows. */
  release(): void {
    for (const unsubscribe of this.#unsubscribe ?? []) unsubscribe();
    this.#unsubscribe = undefined;
  }

  /** Throws the reason if it is draining. */
  throwIfDraining(): void {
    if (this.draining) throw this.reason;
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  /** Waits for work unless it must be abandoned first; a late failure is then ignored. */
  race<T>(work: PromiseLike<T>): PromiseLike<T> {
    if (!this.mayAbandon) return work;
    return new Promise<T>((resolve, reject) => {
      const stop = () => {
        if (!this.abandoning) return;
        this.unlisten(stop);
        reject(this.reason);
      };
      this.listen(stop);
      work.then(
        (value) => {
          this.unlisten(stop);
          resolve(value);
        },
        (error) => {
          this.unlisten(stop);
          reject(error);
        },
      );
      stop();
    });
  }
}

/** Races work against abandonment; returns plain values unchanged. */
export const raced = <T>(work: Awaitable<T>, cancellation: Cancellation | undefined): Awaitable<T> =>
  // biome-ignore lint/complexity/useOptionalChain: the longer code of `?.` is not inlined: a sync step takes 7 % longer
  cancellation !== undefined && cancellation.mayAbandon && isThenable(work)
    ? cancellation.race(work as PromiseLike<T>)
    : work;

/** The only listener of all runs with the same signal: Node warns at eleven listeners. */
class Relay {
  readonly #followers = new Set<Cancellation>();
  readonly #signal: AbortSignal;
  readonly #fire: () => void;

  constructor(signal: AbortSignal, fire: (follower: Cancellation, reason: unknown) => void) {
    this.#signal = signal;
    this.#fire = () => {
      for (const follower of [...this.#followers]) fire(follower, signal.reason);
    };
  }

  add(follower: Cancellation): Listener {
    if (this.#followers.size === 0) this.#signal.addEventListener("abort", this.#fire);
    this.#followers.add(follower);
    return () => {
      if (this.#followers.delete(follower) && this.#followers.size === 0) {
        this.#signal.removeEventListener("abort", this.#fire);
      }
    };
  }
}

/** Maps each signal to its only relay. */
function relays(fire: (follower: Cancellation, reason: unknown) => void): (signal: AbortSignal) => Relay {
  const known = new WeakMap<AbortSignal, Relay>();
  return (signal) => {
    let relay = known.get(signal);
    if (relay === undefined) known.set(signal, (relay = new Relay(signal, fire)));
    return relay;
  };
}

const relayFor = relays((follower, reason) => follower.abort(reason, true));
const drainRelayFor = relays((follower, reason) => follower.drain(reason));

/**
 * Waits until `start` calls back; rejects with the reason at a drain or an abort.
 *
 * @param start - Begins the wait and returns a function that cancels it.
 * @param onAbandon - Cleans up instead of a wait whose caller stops awaiting it when it is abandoned; the wait then
 * never settles. Otherwise each of 10,000 waits would reject through eight frames (170 ms for all).
 */
export function waitFor<T>(
  cancellation: Cancellation | undefined,
  start: (resolve: (value: T) => void, reject: (error: unknown) => void) => Listener,
  onAbandon?: Listener,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const settleAborted = ({ abandoning, reason }: Cancellation) => {
      if (abandoning && onAbandon !== undefined) onAbandon();
      else reject(reason);
    };
    if (cancellation?.draining) return settleAborted(cancellation);
    let undo: Listener | undefined;
    const stop = () => {
      cancellation?.unlisten(stop);
      undo?.();
      settleAborted(cancellation as Cancellation);
    };
    // Listen first: `start` may call back synchronously, and that removes the listener.
    cancellation?.listen(stop);
    undo = start(
      (value) => {
        cancellation?.unlisten(stop);
        resolve(value);
      },
      (error) => {
        cancellation?.unlisten(stop);
        reject(error);
      },
    );
  });
}

/** Sleeps for `ms` milliseconds; an abort rejects with its reason and clears the timer. */
export function sleep(
  ms: number,
  cancellation: Cancellation | undefined,
  onAbandon?: Listener,
): Promise<void> {
  const start = (resolve: () => void) => {
    const timer = setTimeout(resolve, ms);
    return () => clearTimeout(timer);
  };
  return waitFor(cancellation, start, onAbandon);
}
