// A call that waits for its answer, and where it is.
import type { ExecutorAnswer } from "sluice";
import type { OpenCall } from "sluice/internal";
import { itemOf } from "./chunk-item.js";
import type { ChunkItem } from "./protocol.js";
import type { SentChunk } from "./sent-chunk.js";

/** What a call does when its run ends. */
export interface RunEnds {
  onAbort(waiting: WaitingCall): void;
  onDrain(waiting: WaitingCall): void;
}

/** A call of the coordinator, from when it is handed over until it has its answer. */
export class WaitingCall {
  readonly call: OpenCall;
  readonly item: ChunkItem;
  readonly answer: Promise<ExecutorAnswer>;
  /** Its chunk, and its index there; written when it is sent. */
  place: { readonly sent: SentChunk; readonly at: number } | undefined;
  /** Written by `end` and `fail`. */
  isOver = false;
  #resolve!: (answer: ExecutorAnswer | Promise<ExecutorAnswer>) => void;
  #reject!: (error: unknown) => void;
  readonly #release: () => void;

  /** @throws SluiceError `NOT_SERIALIZABLE`, `RESULT_TOO_LARGE`. */
  constructor(call: OpenCall, ends: RunEnds) {
    this.call = call;
    this.item = itemOf(call);
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { signal, drain } = call;
    const onAbort = () => ends.onAbort(this);
    const onDrain = () => ends.onDrain(this);
    signal.addEventListener("abort", onAbort);
    drain.addEventListener("abort", onDrain);
    this.#release = () => {
      signal.removeEventListener("abort", onAbort);
      drain.removeEventListener("abort", onDrain);
    };
  }

  end(answer: Promise<ExecutorAnswer>): void {
    this.isOver = true;
    this.#release();
    this.#resolve(answer);
  }

  fail(error: unknown): void {
    this.isOver = true;
    this.#release();
    this.#reject(error);
  }
}
