// Waits on the real event loop, even if a test has faked timers.

const nextTurn = setImmediate;
const later = setTimeout;
/** Milliseconds between two checks of work that waits for real I/O. */
const PAUSE = 1;
/** The event-loop turns after which a flow waits for a timer or I/O: each yield of the engine takes one or two. */
const TURNS = 10;

/** Resolves when the reactions of all settled promises have run. */
export async function settleTurns(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise<void>((resolve) => void nextTurn(resolve));
}

/** Waits for a short real time. */
export const pause = (): Promise<void> => new Promise((resolve) => void later(resolve, PAUSE));

/** Drives work until it settles. @param step - Called when the work waits; returns false if it had nothing to do. */
export async function drive<T>(work: () => T | PromiseLike<T>, step: () => unknown): Promise<T> {
  let isSettled = false;
  const end = () => {
    isSettled = true;
  };
  const result = (async () => work())();
  result.then(end, end);
  for (;;) {
    await settleTurns();
    if (isSettled) return result;
    if ((await step()) === false) await pause();
  }
}
