// The schedule. croner says when; here is what it must not do: overlap, die of a failure, or outlive its signal.
import { Cron } from "croner";
import { InputError } from "./input-error.js";

/** What is told of beats that were not as planned. */
export interface Watch {
  /** Ends the heart: no beat starts later, and the one that runs is told by the same signal. */
  readonly signal: AbortSignal;
  /** A beat failed; the next one comes as planned. */
  readonly onFailed: (error: unknown) => void;
  /** A beat was due while the last one still ran, and was left out. */
  readonly onSkipped: () => void;
}

/**
 * Calls `beat` at once and then whenever the pattern says, never twice at the same time, until the signal fires.
 *
 * @throws InputError for a pattern that is none, or that never comes.
 */
export async function keepBeating(
  pattern: string,
  beat: () => Promise<unknown>,
  { signal, onFailed, onSkipped }: Watch,
): Promise<void> {
  if (signal.aborted) return;
  let running: Promise<void> = Promise.resolve();
  const guarded = async () => {
    try {
      await beat();
    } catch (error) {
      if (!signal.aborted) onFailed(error); // a beat that was stopped has not failed
    }
  };
  const job = schedule(pattern, onSkipped, () => (running = guarded()));
  const stopped = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  void job.trigger();
  await stopped;
  job.stop();
  await running;
}

/** When the pattern comes next. */
export function nextBeat(pattern: string): Date | null {
  return schedule(pattern).nextRun();
}

function schedule(pattern: string, onSkipped = () => {}, beat?: () => Promise<void>): Cron {
  try {
    const job = new Cron(pattern, { protect: onSkipped }, ...(beat ? [beat] : []));
    if (job.nextRun() !== null) return job;
    job.stop();
  } catch (error) {
    const { message } = error as Error;
    throw new InputError(
      `Expected --every to be a cron pattern, got "${pattern}": ${message} Write "*/5 * * * *".`,
    );
  }
  throw new InputError(
    `Expected --every to be a cron pattern that comes, got "${pattern}". Write "*/5 * * * *".`,
  );
}
