// The admission of a handler: limits concurrent runs, and queues callers.
import { GateClock, type RequestScopes, scopesOn } from "sluice/internal";
import { type Entry, FairQueue } from "./fair-queue.js";
import type { Limits } from "./limits.js";
import { Refusal } from "./refusal.js";

/** Milliseconds between two reports of their place to waiting callers. */
const ANNOUNCE_EVERY = 1_000;

/** A request for a turn. */
export interface TurnRequest extends Entry {
  /** Ends the wait. */
  readonly signal: AbortSignal;
  /** Called with the place in the queue, from 1, at once and when it changes. */
  readonly onPlace?: ((place: number) => void) | undefined;
}

/** The place of a run, or the wait for one. */
export interface Turn {
  /** Resolves when it may run. @throws Refusal 503; the signal's reason. */
  readonly granted: Promise<void>;
  /** Whether it may run already. */
  readonly isGranted: boolean;
  /** Releases the place, or leaves the queue. */
  leave(): void;
}

/** Admits callers: keys take turns, and each key is served in order of arrival. */
export class Door {
  readonly #limits: Limits;
  readonly #queue = new FairQueue<Ticket>();
  readonly #scopes: RequestScopes | undefined = scopesOn(new GateClock());
  readonly #announceEvery: number;
  #running = 0;
  /** The average duration of runs in ms, exponentially weighted by a tenth. */
  #usual = 1_000;
  /** The timer of place reports, which runs while a waiting caller listens. */
  #announcing: ReturnType<typeof setInterval> | undefined;

  constructor(limits: Limits, announceEvery = ANNOUNCE_EVERY) {
    this.#limits = limits;
    this.#announceEvery = announceEvery;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /**
   * Takes a place, or waits for one until the signal fires.
   *
   * @throws Refusal 503 when too many wait already; the signal's reason.
   */
  enter(request: TurnRequest): Turn {
    request.signal.throwIfAborted();
    const ticket = new Ticket(request, this);
    this.#queue.add(ticket);
    this.#letIn();
    if (ticket.isGranted) {
      ticket.watch(this.#scopes, undefined);
      return ticket;
    }
    if (!this.#makeRoomFor(ticket)) throw this.#full();
    ticket.watch(this.#scopes, this.#limits.queueTimeout);
    this.#announce(ticket);
    return ticket;
  }

  /** @internal Takes back the place of a ticket. */
  takeBack(ticket: Ticket): void {
    if (ticket.began === undefined) this.#queue.remove(ticket);
    else {
      this.#running--;
      this.#usual += (performance.now() - ticket.began - this.#usual) / 10;
      this.#letIn();
    }
    this.#stopAnnouncing();
  }

  /** The estimated seconds until all waiting callers have had their turn, an integer from 1 to 60. */
  get retryAfter(): number {
    const ms = (this.#usual * (this.waiting + 1)) / this.#limits.running;
    return Math.min(60, Math.max(1, Math.ceil(ms / 1_000)));
  }

  #letIn(): void {
    while (this.#running < this.#limits.running) {
      const ticket = this.#queue.shift();
      if (ticket === undefined) return;
      this.#running++;
      ticket.grant();
    }
  }

  /** Refuses the last caller of the key with the most callers, which may be the new one. */
  #makeRoomFor(ticket: Ticket): boolean {
    const { waiting, bodies } = this.#limits;
    for (;;) {
      const measure = this.waiting > waiting ? "size" : this.#queue.bytes > bodies ? "bytes" : undefined;
      if (measure === undefined) return true;
      const last = this.#queue.lastOfLargest(measure, ticket.key) ?? ticket;
      this.#queue.remove(last);
      if (last === ticket) return false;
      last.refuse(this.#full());
    }
  }

  #full(): Refusal {
    const { running } = this.#limits;
    const text = `All ${running} places are taken, and ${this.waiting} callers wait already`;
    return busy(text, this.retryAfter);
  }

  /** On workerd a timer of another request cannot write to this request's stream. */
  #announce(ticket: Ticket): void {
    if (ticket.onPlace === undefined) return;
    ticket.moved(this.#queue.before(ticket.key) + 1);
    if (this.#scopes === undefined) {
      this.#announcing ??= setInterval(() => this.#announceAll(), this.#announceEvery);
    }
  }

  #announceAll(): void {
    let place = 0;
    for (const ticket of this.#queue.inOrder()) ticket.moved(++place);
  }

  #stopAnnouncing(): void {
    if (this.waiting > 0) return;
    clearInterval(this.#announcing);
    this.#announcing = undefined;
  }
}

/** One caller. */
class Ticket implements Turn {
  readonly granted: Promise<void>;
  readonly key: string;
  readonly bytes: number;
  readonly onPlace: ((place: number) => void) | undefined;
  /** When it was admitted. */
  began: number | undefined;
  readonly #door: Door;
  readonly #signal: AbortSignal;
  #place = 0;
  #left = false;
  #refused: { readonly reason: unknown } | undefined;
  #start!: () => void;
  #fail!: (error: unknown) => void;
  /** Whether a timer of its own request resumes it, as on workerd. */
  #scoped = false;
  readonly #release: (() => void)[] = [];

  constructor({ key, bytes, signal, onPlace }: TurnRequest, door: Door) {
    this.key = key;
    this.bytes = bytes;
    this.onPlace = onPlace;
    this.#door = door;
    this.#signal = signal;
    this.granted = new Promise((resolve, reject) => {
      this.#start = resolve;
      this.#fail = reject;
    });
    this.granted.catch(() => {});
  }

  get isGranted(): boolean {
    return this.began !== undefined;
  }

  /** Listens for aborts and timeouts until it leaves. */
  watch(scopes: RequestScopes | undefined, queueTimeout: number | undefined): void {
    if (scopes !== undefined) {
      this.#scoped = true;
      this.#release.push(scopes.enter({ beat: () => this.#settle(), die: () => this.leave() }));
    }
    if (queueTimeout === undefined) return;
    const stop = () => this.refuse(this.#signal.reason);
    this.#signal.addEventListener("abort", stop);
    const timer = setTimeout(() => {
      const message = `No place came free within ${queueTimeout} ms`;
      this.refuse(busy(message, this.#door.retryAfter));
    }, queueTimeout);
    this.#release.push(() => {
      clearTimeout(timer);
      this.#signal.removeEventListener("abort", stop);
    });
  }

  grant(): void {
    this.began = performance.now();
    if (!this.#scoped) this.#start();
  }

  moved(place: number): void {
    if (place === this.#place) return;
    this.#place = place;
    this.onPlace?.(place);
  }

  /** Ends the wait; has no effect once it may run. */
  refuse(reason: unknown): void {
    if (this.isGranted || this.#left) return;
    this.#refused = { reason };
    this.#door.takeBack(this);
    if (!this.#scoped) this.#settle();
  }

  #settle(): void {
    if (this.isGranted) this.#start();
    else if (this.#refused !== undefined) {
      this.leave();
      this.#fail(this.#refused.reason);
    }
  }

  leave(): void {
    if (this.#left) return;
    this.#left = true;
    for (const release of this.#release) release();
    this.#door.takeBack(this);
  }
}

/** @param retryAfter - Seconds. */
export const busy = (message: string, retryAfter: number): Refusal =>
  new Refusal(503, message, { headers: { "retry-after": String(retryAfter) } });
