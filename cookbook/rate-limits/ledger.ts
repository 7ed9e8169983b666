// What was sent, when, and what came of it: the proof that nothing is lost and nothing paid twice.

/** What came of a call so far. */
export type Outcome = "sent" | "paid" | "refused" | "failed";

/** One call, as the vendor's bill would have it. */
export interface Call {
  /** The flow that made it, and which of its texts it was for. */
  readonly flow: string;
  readonly text: number;
  /** When it started, on the monotonic clock. */
  readonly at: number;
  /** When it ended. */
  until?: number;
  outcome: Outcome;
  tokens: number;
}

/** Counts the calls of one flow, or of all. */
export interface Bill {
  readonly sent: number;
  readonly paid: number;
  readonly refused: number;
  readonly paidTwice: number;
}

/** The calls of any number of flows. */
export class Ledger {
  readonly calls: Call[] = [];

  /** Writes down a call that starts now. */
  open(flow: string, text: number): Call {
    const call: Call = { flow, text, at: performance.now(), outcome: "sent", tokens: 0 };
    this.calls.push(call);
    return call;
  }

  /** @param flow Only this one's calls. */
  bill(flow?: string): Bill {
    const calls = flow === undefined ? this.calls : this.calls.filter((call) => call.flow === flow);
    const paid = calls.filter(({ outcome }) => outcome === "paid");
    const different = new Set(paid.map((call) => `${call.flow} ${call.text}`)).size;
    const refused = calls.filter(({ outcome }) => outcome === "refused").length;
    return { sent: calls.length, paid: paid.length, refused, paidTwice: paid.length - different };
  }

  /** The most calls that started within any `window` milliseconds. */
  busiest(window: number): number {
    const starts = this.calls.map(({ at }) => at).sort((a, b) => a - b);
    return Math.max(
      0,
      ...starts.map((from) => starts.filter((at) => at >= from && at < from + window).length),
    );
  }
}
