// A queue between two agents: a message waits until it is received, and a receiver until one is sent.

/** Messages for one receiver, in the order in which they were sent. */
export class Mailbox<Message> {
  readonly #messages: Message[] = [];
  #wake = () => {}; // set by a receiver that waits

  send(message: Message): void {
    this.#messages.push(message);
    this.#wake();
  }

  async receive(signal: AbortSignal): Promise<Message> {
    while (this.#messages.length === 0) {
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve;
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    }
    return this.#messages.shift() as Message;
  }
}
