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
    // Two signals for each call would take longer than all the rest of it.
    const { cancellation } = call.job.scope;
    const onEnd = () => {
      if (cancellation?.aborted) ends.onAbort(this);
      else if (cancellation?.draining) ends.onDrain(this);
    };
    cancellation?.listen(onEnd);
    this.#release = () => cancellation?.unlisten(onEnd);
  }

  /** Why its run ends, once it does. */
  get reason(): unknown {
    return this.call.job.scope.cancellation?.reason;
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
