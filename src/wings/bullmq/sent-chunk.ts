// A chunk in flight, at its coordinator.
import type { OpenCall } from "sluice/internal";
import type { Chunk } from "./protocol.js";
import type { WaitingCall } from "./waiting-call.js";

type RunJournal = NonNullable<OpenCall["job"]["scope"]["run"]["journal"]>;

/** Calls that are sent together. */
export class SentChunk {
  readonly id: string;
  readonly data: Chunk;
  /** The journal of its run. */
  readonly journal: RunJournal | undefined;
  /**
   * The waiting calls by index. A hole is a call that has ended, or that an earlier process sent and this one has not
   * reached yet.
   */
  readonly waiting: (WaitingCall | undefined)[];
  /** The number of calls without an outcome. */
  left: number;
  /** Whether a message has come since the last check. */
  isHeard = true;
  /** Whether its workers have been informed of the drain. */
  isDraining = false;
  /** Keys of results that are stored separately. */
  readonly large: string[] = [];

  constructor(
    id: string,
    data: Chunk,
    journal: RunJournal | undefined,
    waiting: (WaitingCall | undefined)[] = [],
  ) {
    this.id = id;
    this.data = data;
    this.journal = journal;
    this.waiting = waiting;
    this.left = data.items.filter((item) => item !== null).length;
  }

  /** Whether a call of this process waits for it. */
  get isAwaited(): boolean {
    return this.waiting.some((each) => each !== undefined);
  }

  /** The chunk to send again after a loss: the waiting calls. */
  again(): Chunk {
    const items = this.data.items.map((item, at) => (this.waiting[at] === undefined ? null : item));
    return { ...this.data, items, isAgain: true };
  }
}
