// The listeners of a trace for one run: its own recorder, which distinguishes runs with one id, and the listeners of
// the trace's emitter.
import type { AnyEvent, RunEmitter, RunEvents } from "sluice";
import { BACKPRESSURE, VALUES, type ValueSink } from "sluice/internal";

type Listener = (event: never) => unknown;

/** Writes the events of one run. */
export type Recorder = (event: AnyEvent) => void;

/** Numbers concurrent runs with one id. */
export class Twins {
  readonly #open = new Map<string, Set<number>>();

  /** @returns 1 if the id is not in use, otherwise the smallest free number. */
  begin(runId: string): number {
    let open = this.#open.get(runId);
    if (open === undefined) this.#open.set(runId, (open = new Set()));
    let number = 1;
    while (open.has(number)) number++;
    open.add(number);
    return number;
  }

  end(runId: string, number: number): void {
    const open = this.#open.get(runId);
    open?.delete(number);
    if (open?.size === 0) this.#open.delete(runId);
  }
}

/**
 * Creates the emitter for one run.
 *
 * @param shared - The listener for runs without a feed, which is omitted here.
 */
export function feedOf(
  emitter: RunEmitter,
  shared: Recorder,
  own: Recorder,
  values: ValueSink | undefined,
): object {
  const alone: readonly Listener[] = [own];
  const listeners = (type: keyof RunEvents): readonly Listener[] => {
    const all = emitter.listeners(type) as readonly Listener[];
    if (!all.includes(shared)) return all;
    return all.length === 1 ? alone : all.map((listener) => (listener === shared ? own : listener));
  };
  return {
    listeners,
    listenerCount: (type: keyof RunEvents) => emitter.listenerCount(type),
    removeListener(type: keyof RunEvents, listener: Listener, context: unknown, once: boolean) {
      if (listener !== own) emitter.removeListener(type, listener as never, context as never, once);
    },
    [VALUES]: values,
    [BACKPRESSURE]: () => (emitter as { [BACKPRESSURE]?(): Promise<void> | undefined })[BACKPRESSURE]?.(),
  };
}
