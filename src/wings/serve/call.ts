// One request, from its arrival until its answer is out.
import { SluiceError } from "sluice";

/** What a handler keeps of a request. */
export class Call {
  /** Resolves when the answer is out. */
  readonly ended: Promise<void>;
  /** Gives back the place of the run; `undefined` while it has none. */
  leave: (() => void) | undefined;
  /** Whether the answer goes on after the response was handed over. */
  streams = false;
  readonly #controller = new AbortController();
  readonly #request: AbortSignal | undefined;
  readonly #gone = () => this.abort(new SluiceError("CLIENT_GONE", "The caller has hung up"));
  #onEnd!: () => void;

  /** @param request - The signal of the request; not every host has one. */
  constructor(request: AbortSignal | undefined, onEnd: () => void) {
    this.#request = request;
    this.ended = new Promise((resolve) => {
      this.#onEnd = () => {
        onEnd();
        resolve();
      };
    });
    if (request?.aborted) this.#gone();
    else request?.addEventListener("abort", this.#gone);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The first reason counts. */
  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  end(): void {
    this.#request?.removeEventListener("abort", this.#gone);
    this.leave?.();
    this.#onEnd();
  }
}
