// Server-Sent Events as a byte stream with backpressure: unread events are kept in one bounded list, and delivered as
// one chunk when the reader pulls.

import { SluiceError } from "sluice";
import { Room } from "sluice/internal";

/** The limits of a stream, and its listeners. */
export interface EventStreamOptions {
  /** The maximum of unread characters beside the newest event. */
  readonly unread: number;
  /** Milliseconds without a read of waiting data after which the reader is cut off. */
  readonly stalled: number;
  /** Milliseconds of silence after which it sends a comment, so that no proxy closes the connection. */
  readonly heartbeat: number;
  /** Called when the reader has disconnected. */
  readonly onGone: () => void;
  /** Called when the reader was cut off. */
  readonly onSlow: (error: SluiceError) => void;
}

/** Unread characters up to which a sender need not wait. */
const AHEAD = 16_384;
const encoder = new TextEncoder();

/** A stream of events with its sending side. */
export class EventStream {
  readonly body: ReadableStream<Uint8Array>;
  /** Resolves when everything has been read after {@link end}, or the reader is gone. */
  readonly over: Promise<void>;
  readonly #options: EventStreamOptions;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #unread: string[] = [];
  #size = 0;
  #ended = false;
  #closed = false;
  /** Set while the reader waits for data. */
  #deliver: (() => void) | undefined;
  /** Set while a sender waits for the reader. */
  readonly #room = new Room();
  #heartbeat: ReturnType<typeof setTimeout> | undefined;
  #stall: ReturnType<typeof setTimeout> | undefined;
  #onOver!: () => void;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.over = new Promise((resolve) => {
      this.#onOver = resolve;
    });
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#pull(),
        cancel: () => {
          this.#close();
          options.onGone();
        },
      },
      // No internal queue: the list is the only buffer, so that its size is known.
      { highWaterMark: 0 },
    );
    this.#beat();
  }

  /** The number of unread characters. */
  get unread(): number {
    return this.#size;
  }

  /** What a sender should await before it sends more; `undefined` while the reader keeps up. */
  get ready(): Promise<void> | undefined {
    return this.#size < AHEAD || this.#closed ? undefined : this.#room.wait();
  }

  /** Adds an event; `json` is its data. Has no effect without a reader. */
  send(event: string, json: string): void {
    if (this.#closed || this.#ended) return;
    if (this.#size > this.#options.unread) {
      this.cut(`has left ${this.#size} characters unread (\`limits.unread\`)`);
      return;
    }
    this.#add(`event: ${event}\ndata: ${json}\n\n`);
  }

  /** Ends the stream; unread events are still sent. */
  end(): void {
    this.#ended = true;
    this.#deliver?.();
  }

  #add(text: string): void {
    this.#unread.push(text);
    this.#size += text.length;
    this.#deliver?.();
    if (this.#size === 0) return;
    this.#stall ??= setTimeout(
      () => this.cut(`has read nothing for ${this.#options.stalled} ms (\`limits.stalled\`)`),
      this.#options.stalled,
    );
  }

  /** Called when the reader pulls, which it repeats only after it got data. */
  #pull(): Promise<void> | undefined {
    if (this.#size > 0 || this.#ended) {
      this.#hand();
      return undefined;
    }
    return new Promise((resolve) => {
      this.#deliver = () => {
        this.#deliver = undefined;
        this.#hand();
        resolve();
      };
    });
  }

  #hand(): void {
    if (this.#closed) return;
    if (this.#size === 0) {
      this.#close();
      this.#controller.close();
      return;
    }
    this.#controller.enqueue(encoder.encode(this.#unread.join("")));
    this.#unread = [];
    this.#size = 0;
    clearTimeout(this.#stall);
    this.#stall = undefined;
    this.#room.open();
    this.#beat();
  }

  #beat(): void {
    clearTimeout(this.#heartbeat);
    this.#heartbeat = setTimeout(() => {
      if (this.#size === 0) this.#add(": still here\n\n");
      else this.#beat();
    }, this.#options.heartbeat);
  }

  /** Cuts off the reader. Has no effect once everything has been read. */
  cut(what: string): void {
    if (this.#closed) return;
    const error = new SluiceError("SLOW_READER", `The reader of the stream ${what}`);
    this.#close();
    this.#controller.error(error);
    this.#options.onSlow(error);
  }

  #close(): void {
    this.#closed = true;
    this.#unread = [];
    this.#size = 0;
    clearTimeout(this.#heartbeat);
    clearTimeout(this.#stall);
    this.#deliver?.();
    this.#deliver = undefined;
    this.#room.open();
    this.#onOver();
  }
}
