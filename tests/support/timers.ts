// Sees every timer that src/ and Bottleneck start. Tests take their own from node:timers/promises.

/** Watches `setTimeout` until {@link TimerWatch.stop}. */
export class TimerWatch {
  /** Timers by what started them. */
  readonly #live = new Map<unknown, string>();
  readonly #real = { setTimeout, clearTimeout };

  constructor() {
    const live = this.#live;
    const { setTimeout: start, clearTimeout: clear } = this.#real;
    globalThis.setTimeout = Object.assign(
      (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
        const timer = start(() => {
          live.delete(timer);
          callback(...args);
        }, ms);
        const stack = new Error().stack ?? "";
        if (/\/src\/|bottleneck/.test(stack)) live.set(timer, stack);
        return timer;
      },
      start,
    ) as typeof setTimeout;
    globalThis.clearTimeout = ((timer: NodeJS.Timeout | undefined) => {
      live.delete(timer);
      clear(timer);
    }) as typeof clearTimeout;
  }

  /** What started those timers that have neither fired nor been cleared. */
  get live(): string[] {
    return [...this.#live.values()];
  }

  stop(): void {
    Object.assign(globalThis, this.#real);
  }
}
