// A call that waits for its answer.
import type { ExecutorAnswer } from "sluice";
import type { OpenCall } from "sluice/internal";
import { itemOf } from "./chunk-item.js";
import type { ChunkItem } from "./protocol.js";
import type { SentChunk } from "./sent-chunk.js";

/** The callbacks of a call for the end of its run. */
export interface RunEnds {
  onAbort(waiting: WaitingCall): void;
  onDrain(waiting: WaitingCall): void;
}

/** A call of the coordinator until it has its answer. */
export class WaitingCall {
  readonly call: OpenCall;
  readonly item: ChunkItem;
  readonly answer: Promise<ExecutorAnswer>;
  /** Its chunk and its index in it; written when it is sent. */
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
    // Two signals per call would take longer than everything else.
    const { cancellation } = call.job.scope;
    const onEnd = () => {
      if (cancellation?.aborted) ends.onAbort(this);
      else if (cancellation?.draining) ends.onDrain(this);
    };
    cancellation?.listen(onEnd);
    this.#release = () => cancellation?.unlisten(onEnd);
  }

  /** The reason for the end of its run. */
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
