// Server-Sent Events as a stream of bytes that waits for its reader: what is not read is kept in one list, with
// a limit, and handed over in one piece whenever the reader asks.

import { SluiceError } from "sluice";
import { Room } from "sluice/internal";

/** The limits of a stream, and its listeners. */
export interface EventStreamOptions {
  /** The most characters that it keeps beside the newest event. */
  readonly unread: number;
  /** Milliseconds for which a reader may take nothing of what waits for it. */
  readonly stalled: number;
  /** Milliseconds of silence after which it sends a comment, so that no proxy takes the connection for dead. */
  readonly heartbeat: number;
  /** The reader has gone. */
  readonly onGone: () => void;
  /** The reader has been given up. */
  readonly onSlow: (error: SluiceError) => void;
}

/** Up to so many unread characters a sender need not wait. */
const AHEAD = 16_384;
const encoder = new TextEncoder();

/** A stream of events, and its sender's side. */
export class EventStream {
  readonly body: ReadableStream<Uint8Array>;
  /** Resolves when all has been read after {@link end}, or there is no reader any more. */
  readonly over: Promise<void>;
  readonly #options: EventStreamOptions;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #unread: string[] = [];
  #size = 0;
  #ended = false;
  #closed = false;
  /** Set while the reader waits for something to read. */
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
      // Nothing ahead of the reader: the list is the only buffer, so that its size is known.
      { highWaterMark: 0 },
    );
    this.#beat();
  }

  /** Characters that have not been read yet. */
  get unread(): number {
    return this.#size;
  }

  /** What a sender should wait for before it sends more; nothing while the reader keeps up. */
  get ready(): Promise<void> | undefined {
    return this.#size < AHEAD || this.#closed ? undefined : this.#room.wait();
  }

  /** Adds an event; `json` is its data. Without effect once there is no reader. */
  send(event: string, json: string): void {
    if (this.#closed || this.#ended) return;
    if (this.#size > this.#options.unread) {
      this.cut(`has left ${this.#size} characters unread (\`limits.unread\`)`);
      return;
    }
    this.#add(`event: ${event}\ndata: ${json}\n\n`);
  }

  /** Says that nothing follows; what is unread still goes out. */
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
      () => this.cut(`has taken nothing for ${this.#options.stalled} ms (\`limits.stalled\`)`),
      this.#options.stalled,
    );
  }

  /** The reader asks for more. It is asked once more only after it got something. */
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

  /** Cancels the reader. Without effect once all has been read. */
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
