// flow.stream(): the events of a run as an async iterable, with a bounded buffer between the run and its reader.
import { Cancellation } from "../base/cancellation.js";
import { invalidOption, SluiceError } from "../base/errors.js";
import { BACKPRESSURE, VALUES } from "../base/keys.js";
import { aCount, checkOptions, type Rule, rule, UNLIMITED } from "../base/options.js";
import { EVENT_TYPES } from "../observe/event-types.js";
import {
  type AnyEvent,
  backpressure,
  emitEvent,
  type Listeners,
  listenersOfRun,
  type RunEmitter,
  type RunEvents,
} from "../observe/events.js";
import { Room } from "../observe/room.js";
import type { RunOptions } from "./context.js";
import { runRules } from "./run.js";

/** The types of events of a stream. */
export type StreamType = AnyEvent["type"];

/** The options of `flow.stream()`. */
export interface StreamOptions<Type extends StreamType = StreamType> extends RunOptions {
  /** The types of events to yield. @default all */
  readonly types?: readonly Type[] | undefined;
  /**
   * The number of events in the buffer, after which the run waits for a slow reader. `emit` calls that are not awaited do
   * not wait: with 100,000 unread data events beyond the buffer the run is aborted with `STREAM_OVERFLOW`.
   *
   * @default 1000
   */
  readonly buffer?: number | undefined;
}

/** The events of one type. */
export type EventOf<Type extends StreamType> = Extract<AnyEvent, { readonly type: Type }>;

/** The events of a run, in the order in which they happened. */
export type RunStream<Event> = AsyncIterableIterator<Event, undefined, undefined>;

const rules: Record<string, Rule> = {
  ...runRules,
  buffer: aCount,
  types: rule(`an array of ${EVENT_TYPES.join(", ")}`, Array.isArray),
};

/** Starts a run that also follows this level of cancellation. */
type Start = (options: RunOptions, leave: Cancellation, onAbort: () => void) => Promise<unknown>;

/**
 * Streams a run that begins when the first event is requested.
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`.
 */
export function stream<Type extends StreamType>(
  start: Start,
  options: StreamOptions<Type> = {},
): RunStream<EventOf<Type>> {
  checkOptions("stream()", options, rules);
  const { types = EVENT_TYPES, buffer = 1_000, ...rest } = options;
  const wrong = types.findIndex((type) => !EVENT_TYPES.includes(type));
  if (wrong !== -1) {
    throw invalidOption("stream()", `types[${wrong}]`, `one of ${EVENT_TYPES.join(", ")}`, types[wrong]);
  }
  return new Stream(start, rest, new Set(types), buffer) as never;
}

/** The maximum of unread data events beyond the buffer: a reader that is further behind never catches up. */
const MOST_BEYOND = 100_000;

/** An event that waits for its reader. */
interface Waiting {
  event: AnyEvent;
  /** The batch of a progress event. */
  readonly batch: string | undefined;
}

class Stream implements RunStream<AnyEvent> {
  readonly #begin: () => Promise<unknown>;
  readonly #buffer: number;
  #most: number;
  readonly #leave = new Cancellation(true);
  #queue: Waiting[] = [];
  #read = 0;
  /** The number of data events in the queue; written when one enters and leaves. */
  #data = 0;
  /** The progress events in the queue, by batch. */
  readonly #progress = new Map<string, Waiting>();
  /** The rooms in which the reader waits for events, and the run for its reader. */
  readonly #arrivals = new Room();
  readonly #room = new Room();
  #run: Promise<void> | undefined;
  #left = false;
  #over = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(start: Start, options: RunOptions, types: ReadonlySet<StreamType>, most: number) {
    this.#buffer = most;
    this.#most = most;
    const events = this.#listeners(types, listenersOfRun(options.events));
    const onAbort = () => {
      this.#most = UNLIMITED; // a run that is ending must not wait for the reader
      this.#room.open();
    };
    this.#begin = () => start({ ...options, events: events as RunEmitter }, this.#leave, onAbort);
  }

  /** The listeners of the run: this stream, and the emitter in its options. */
  #listeners(types: ReadonlySet<string>, theirs: Listeners | undefined): Listeners {
    const listeners = (type: keyof RunEvents) => [
      ...(types.has(type) ? [(event: AnyEvent) => this.#push(event)] : []),
      ...(theirs?.listenerCount(type) ? [(event: AnyEvent) => emitEvent(theirs, event)] : []),
    ];
    return {
      listeners,
      listenerCount: (type: keyof RunEvents) => listeners(type).length,
      removeListener() {}, // neither listener was added by `once`
      // Other listeners may be slow too, such as a trace on a slow disk.
      [VALUES]: theirs?.[VALUES],
      [BACKPRESSURE]: () => (this.#isFull ? this.#room.wait() : theirs && backpressure(theirs, undefined)),
    } as never;
  }

  get #isFull(): boolean {
    return this.#queue.length - this.#read >= this.#most;
  }

  #push(event: AnyEvent): void {
    const batch = event.type === "progress" ? JSON.stringify([event.runId, event.path]) : undefined;
    const waiting = batch && this.#progress.get(batch);
    if (waiting) {
      waiting.event = event;
      return;
    }
    const added = { event, batch };
    if (batch !== undefined) this.#progress.set(batch, added);
    this.#queue.push(added);
    if (event.type === "data" && ++this.#data > this.#buffer + MOST_BEYOND) this.#overflow();
    this.#arrivals.open();
  }

  /** Ends the run. After that `emit` does nothing, so the queue does not grow. */
  #overflow(): void {
    if (this.#left || this.#failure !== undefined) return;
    const error = new SluiceError(
      "STREAM_OVERFLOW",
      `The reader of the stream is ${this.#data.toLocaleString("en")} data events behind, and the run keeps sending; write \`await emit(…)\`, so that it waits for its reader`,
    );
    this.#failure = { error };
    this.#leave.abort(error, true);
  }

  #shift(): AnyEvent | undefined {
    const waiting = this.#queue[this.#read];
    if (waiting === undefined) return undefined;
    this.#read++;
    if (this.#read * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#read);
      this.#read = 0;
    }
    const { event, batch } = waiting;
    if (event.type === "data") this.#data--;
    if (batch !== undefined) this.#progress.delete(batch);
    if (!this.#isFull) this.#room.open();
    return event;
  }

  async #watch(): Promise<void> {
    try {
      await this.#begin();
    } catch (error) {
      if (!this.#left) this.#failure ??= { error };
    } finally {
      this.#over = true;
      this.#arrivals.open();
    }
  }

  async next(): Promise<IteratorResult<AnyEvent, undefined>> {
    if (!this.#left) this.#run ??= this.#watch();
    for (;;) {
      const value = this.#shift();
      if (value !== undefined) return { done: false, value };
      if (this.#over) break;
      await this.#arrivals.wait();
    }
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
    return { done: true, value: undefined };
  }

  /** Aborts the run and waits for its end. */
  async return(): Promise<IteratorResult<AnyEvent, undefined>> {
    const message = "The reader of the run's events has left the loop";
    this.#leave.abort(new SluiceError("STREAM_LEFT", message), true);
    this.#left = true;
    if (this.#run === undefined) this.#over = true;
    await this.#run;
    this.#failure = undefined;
    this.#queue = [];
    this.#read = 0;
    return this.next(); // nothing is left
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
