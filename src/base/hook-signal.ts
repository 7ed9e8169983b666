// The signal of a context, which many hooks never read.
import type { Cancellation } from "./cancellation.js";

/** An AbortSignal for a hook that reads it; `close` stops following the cancellation. */
export class HookSignal {
  readonly #controller = new AbortController();
  readonly #cancellation: Cancellation | undefined;
  readonly #fire = () => {
    if (this.#cancellation?.aborted) this.#controller.abort(this.#cancellation.reason);
  };

  constructor(cancellation: Cancellation | undefined) {
    this.#cancellation = cancellation;
    if (cancellation?.aborted) this.#fire();
    else cancellation?.listen(this.#fire);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  close(): void {
    this.#cancellation?.unlisten(this.#fire);
  }
}
