// Cancellation as the engine sees it: a tree of flags with listeners, cheaper than one AbortController
// for each level, and with one listener on a caller's signal however many runs share it.
import { type Awaitable, isThenable } from "./awaitable.js";

type Listener = () => void;

/**
 * One level of cancellation: a run, a fan-out, a branch, an attempt with a timeout.
 *
 * It has three strengths. *Draining* ends the engine's own waits, and nothing new begins; hooks that run end by
 * themselves. *Aborted* also fires the signals of hooks. *Abandoning* means besides that a leaf `exec` that ignores its
 * signal is not waited for: at the caller's signal, a timeout and a lost branch, and not at a sibling's failure.
 */
export class Cancellation {
  /** Whether waits end and nothing begins; also true once it is aborted. */
  draining = false;
  aborted = false;
  abandoning = false;
  /** Whether it can ever be abandoning; if not, nothing needs to be raced against it. */
  mayAbandon: boolean;
  reason: unknown;
  /** The first listener, and the others: most levels have one, and a Set takes 200 bytes. */
  #listener: Listener | undefined;
  #others: Set<Listener> | undefined;
  #unsubscribe: Listener[] | undefined;

  constructor(mayAbandon = false) {
    this.mayAbandon = mayAbandon;
  }

  /** Fires once for each strength; a caller's abort after a sibling's failure replaces the reason. */
  abort(reason: unknown, abandon: boolean): void {
    if (this.aborted && (this.abandoning || !abandon)) return;
    this.draining = true;
    this.aborted = true;
    this.abandoning = abandon;
    this.reason = reason;
    this.#callListeners();
  }

  /** Ends waits with this reason and lets nothing new begin; an abort may follow. */
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

  /** An array that grows by `push` has room for 17 from the start. */
  #whenReleased(unsubscribe: Listener): void {
    this.#unsubscribe = [...(this.#unsubscribe ?? []), unsubscribe];
  }

  /** Drains this level with a caller's signal, until {@link release}. */
  followDrain(signal: AbortSignal): this {
    if (signal.aborted) this.drain(signal.reason);
    else this.#whenReleased(drainRelayFor(signal).add(this));
    return this;
  }

  /** Takes its listeners off whatever it follows. */
  release(): void {
    for (const unsubscribe of this.#unsubscribe ?? []) unsubscribe();
    this.#unsubscribe = undefined;
  }

  /** Throws the reason if nothing new may begin. */
  throwIfDraining(): void {
    if (this.draining) throw this.reason;
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  /** Waits for work unless it must be abandoned first; its late failure is then swallowed. */
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

/** Work that is not waited for once it must be abandoned; a plain value as it is. */
export const raced = <T>(work: Awaitable<T>, cancellation: Cancellation | undefined): Awaitable<T> =>
  cancellation !== undefined && isThenable(work) ? cancellation.race(work as PromiseLike<T>) : work;

/** The one listener that all runs with the same signal share: eleven of them would print a warning. */
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
 * Waits for `start` to call back, or rejects with the reason at a drain or an abort.
 *
 * @param start - Begins the wait and returns what takes it back.
 * @param onAbandon - For a wait that is not awaited once it is abandoned: cleans up in its place, and the wait never
 * settles. Of 10,000 that wait, each would otherwise take its reason up through eight frames (170 ms for all).
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
    // Listening comes first: `start` may call back at once, and must find something to take off.
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

/** Sleeps for some milliseconds; an abort ends the sleep with its reason and clears the timer. */
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
