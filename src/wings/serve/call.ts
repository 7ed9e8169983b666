// One request, from its arrival until its run has ended and its answer is sent.
import { SluiceError } from "sluice";

/** The state of a request in a handler. */
export class Call {
  readonly request: Request;
  /** Resolves when the answer is sent and the run has ended. */
  readonly ended: Promise<void>;
  /** Whether it has had a place, so that `close()` waits for its run. Written when the place is granted. */
  hasRun = false;
  /** Whether it continues after the handler has returned its response. */
  outlives = false;
  readonly #controller = new AbortController();
  readonly #gone = () => this.abort(new SluiceError("CLIENT_GONE", "The caller has hung up"));
  #onEnd!: () => void;

  constructor(request: Request, onEnd: () => void) {
    this.request = request;
    this.ended = new Promise((resolve) => {
      this.#onEnd = () => {
        onEnd();
        resolve();
      };
    });
    // On some hosts requests have no signal.
    const signal = request.signal as AbortSignal | undefined;
    if (signal?.aborted) this.#gone();
    else signal?.addEventListener("abort", this.#gone);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The first reason counts. */
  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  end(): void {
    (this.request.signal as AbortSignal | undefined)?.removeEventListener("abort", this.#gone);
    this.#onEnd();
  }

  /** Waits for user code, which may never settle, until an abort. @throws the signal's reason. */
  async orAborted<T>(work: () => T | PromiseLike<T>): Promise<T> {
    this.signal.throwIfAborted();
    let stop: (() => void) | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        stop = () => reject(this.signal.reason);
        this.signal.addEventListener("abort", stop);
        Promise.resolve(work()).then(resolve, reject);
      });
    } finally {
      if (stop !== undefined) this.signal.removeEventListener("abort", stop);
    }
  }

  /**
   * Waits until work has settled, or `grace` ms after the abort.
   *
   * @returns Whether it has settled.
   */
  async settled(work: Promise<unknown>, grace: number): Promise<boolean> {
    let [timer, begin]: [ReturnType<typeof setTimeout> | undefined, (() => void) | undefined] = [
      undefined,
      undefined,
    ];
    const stuck = new Promise<boolean>((resolve) => {
      begin = () => {
        timer = setTimeout(resolve, grace, false);
      };
      if (this.signal.aborted) begin();
      else this.signal.addEventListener("abort", begin);
    });
    const done = work.then(
      () => true,
      () => true,
    );
    try {
      return await Promise.race([done, stuck]);
    } finally {
      clearTimeout(timer);
      if (begin !== undefined) this.signal.removeEventListener("abort", begin);
    }
  }
}
