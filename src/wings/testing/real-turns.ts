// Waiting by the real event loop, whatever a test has faked.

const nextTurn = setImmediate;
const later = setTimeout;
/** Between two looks at work that waits for something real, in ms. */
const PAUSE = 1;
/** So many turns bring a flow to where it waits: an event-loop yield of the engine, of several in a row, takes one or two. */
const TURNS = 10;

/** Resolves when all promises that are ready have been followed. */
export async function settleTurns(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise<void>((resolve) => void nextTurn(resolve));
}

/** Waits a little, really. */
export const pause = (): Promise<void> => new Promise((resolve) => void later(resolve, PAUSE));

/** Moves work on until it has settled. @param step - Called where the work waits; false if it had nothing to do. */
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
