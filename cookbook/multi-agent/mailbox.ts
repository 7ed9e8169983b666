// A queue between two agents: what is sent waits until it is fetched, and who fetches waits until it is sent.
import { EventEmitter, on } from "node:events";

/** Messages for one reader, in the order in which they were sent. */
export class Mailbox<Message> {
  readonly #events = new EventEmitter();
  // `on` begins to keep messages at once, long before the reader asks for the first.
  readonly #inbox = on(this.#events, "message", { close: ["close"] });

  send(message: Message): void {
    this.#events.emit("message", message);
  }

  /** Tells the reader that nothing more will come. */
  close(): void {
    this.#events.emit("close");
  }

  /** Waits for the next message; `undefined` once the box is closed and empty. An abort closes it. */
  async receive(signal: AbortSignal): Promise<Message | undefined> {
    const close = () => this.close();
    signal.addEventListener("abort", close, { once: true });
    try {
      const { done, value } = await this.#inbox.next();
      signal.throwIfAborted();
      return done ? undefined : value[0];
    } finally {
      signal.removeEventListener("abort", close);
    }
  }
}
