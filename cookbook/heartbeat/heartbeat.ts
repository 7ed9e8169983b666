// A flow on a cron schedule: it watches addresses, and reports what has changed since the last beat.
import { Cron } from "croner";
import { AsyncParallelBatchNode, type Context, Flow, type ItemFailure, isFailure, node } from "sluice";

export interface State {
  readonly url: string;
  readonly isUp: boolean;
  readonly detail: string;
}

/** One store for all beats: each one has the results of the last one. */
export interface Shared {
  readonly urls: readonly string[];
  /** The last reported state of each address. */
  readonly reported: Map<string, boolean>;
  states: readonly State[];
}

/** Requests all addresses in parallel. An address that fails twice is down. */
class Probe extends AsyncParallelBatchNode<Shared, string, State, "collect"> {
  constructor() {
    super({ attempts: 2, backoff: 100, timeout: 5_000, onError: "collect" });
  }

  override prep({ urls }: Shared) {
    return urls;
  }

  override async exec(url: string, { signal }: Context): Promise<State> {
    const { ok, status, body } = await fetch(url, { signal });
    await body?.cancel();
    return { url, isUp: ok, detail: `status ${status}` };
  }

  override post(shared: Shared, _urls: unknown, states: (State | ItemFailure<string>)[]): void {
    shared.states = states.map((state) =>
      isFailure(state) ? { url: state.item, isUp: false, detail: reasonOf(state.error as Error) } : state,
    );
  }
}

/** `fetch` hides the reason behind "fetch failed". */
const reasonOf = ({ message, cause }: Error) => (cause instanceof Error ? cause.message : message);

/** @param report - A line on the terminal, a message to a chat. */
export function createBeatFlow(
  report: (changes: readonly State[], signal: AbortSignal) => void | Promise<void>,
): Flow<Shared> {
  const probe = new Probe();
  const compare = node({
    name: "Compare",
    post: ({ states, reported }: Shared) =>
      states.some(({ url, isUp }) => reported.get(url) !== isUp) ? "changed" : "as before",
  });
  const reportChanges = node({
    name: "Report",
    attempts: 3,
    backoff: 500,
    prep: ({ states, reported }: Shared) => states.filter(({ url, isUp }) => reported.get(url) !== isUp),
    exec: (changes, { signal }) => report(changes, signal),
    // Only after a report that succeeded: the next beat repeats one that failed.
    post: ({ reported }, changes) => {
      for (const { url, isUp } of changes) reported.set(url, isUp);
    },
  });
  probe.next(compare);
  compare.branch({ changed: reportChanges, "as before": null });
  return new Flow(probe, { name: "Beat" });
}

/**
 * Calls `beat` at once, and then by the pattern until the signal aborts. A beat that is due while the last one still runs is
 * skipped, and a failed one does not end the schedule. Resolves when no beat runs any more.
 */
export async function keepBeating(
  pattern: string,
  beat: () => Promise<unknown>,
  signal: AbortSignal,
  onProblem: (problem: unknown) => void,
): Promise<void> {
  let running = Promise.resolve();
  const guarded = async () => {
    try {
      await beat();
    } catch (error) {
      if (!signal.aborted) onProblem(error); // a beat that was stopped has not failed
    }
  };
  const late = () => onProblem(new Error("The last beat still runs: this one is skipped"));
  const job = new Cron(pattern, { protect: late }, () => (running = guarded()));
  const stopped = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  void job.trigger();
  await stopped;
  job.stop();
  await running;
}
