// A chunk under way, as its coordinator has it.
import type { OpenCall } from "sluice/internal";
import type { Chunk } from "./protocol.js";
import type { WaitingCall } from "./waiting-call.js";

type RunJournal = NonNullable<OpenCall["job"]["scope"]["run"]["journal"]>;

/** Calls that travel together. */
export class SentChunk {
  readonly id: string;
  readonly data: Chunk;
  /** The journal of its run. */
  readonly journal: RunJournal | undefined;
  /** By index. A hole is a call that is over, or that an earlier process has sent and this one has not made yet. */
  readonly waiting: (WaitingCall | undefined)[];
  /** Calls without an outcome. */
  left: number;
  /** Whether a message has come since it was last looked at. */
  isHeard = true;
  /** Whether its workers know that the run drains. */
  isDraining = false;
  /** Keys of results that travelled by themselves. */
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

  /** What to send where it was lost: the calls that wait. */
  again(): Chunk {
    const items = this.data.items.map((item, at) => (this.waiting[at] === undefined ? null : item));
    return { ...this.data, items, isAgain: true };
  }
}
