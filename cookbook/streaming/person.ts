// The person at the keyboard: gives questions, and may stop an answer. Prints nothing.
import type { Interface } from "node:readline";

/** Stops one answer. */
export interface Interrupt {
  readonly signal: AbortSignal;
  /** The answer is over: from now on a key means something else. */
  readonly close: () => void;
}

/** Who asks. */
export interface Person {
  /** Waits for the next question; `undefined` when there will be none. */
  readonly question: (signal: AbortSignal) => Promise<string | undefined>;
  /** What will stop the answer that begins now. */
  readonly listen: () => Interrupt;
}

/** What a keyboard tells, besides the questions. */
export interface KeyboardEvents {
  /** A question is waited for. */
  readonly onPrompt: () => void;
  /** Ctrl-C where there is no answer to stop. */
  readonly onLeave: () => void;
}

/** Someone who types lines, or a file of them. */
export class Keyboard implements Person {
  readonly #lines: string[] = [];
  readonly #live: boolean;
  readonly #events: KeyboardEvents;
  #ended = false;
  #wake: (() => void) | undefined;
  #answer: AbortController | undefined;
  /** An answer was stopped, and nothing was asked since: the same key again leaves. */
  #stopped = false;

  /** @param live Whether a person sits there: lines out of a file never stop an answer. */
  constructor(lines: Interface, live: boolean, events: KeyboardEvents) {
    this.#live = live;
    this.#events = events;
    lines.on("line", (line) => this.#take(line.trim()));
    lines.on("close", () => this.#end());
  }

  /** Ctrl-C, from wherever it comes. */
  interrupt(): void {
    if (this.#answer !== undefined && !this.#answer.signal.aborted) this.#stop();
    else this.#events.onLeave();
  }

  listen(): Interrupt {
    const answer = new AbortController();
    this.#answer = answer;
    return { signal: answer.signal, close: () => (this.#answer = undefined) };
  }

  async question(signal: AbortSignal): Promise<string | undefined> {
    if (this.#lines.length === 0 && !this.#ended) {
      this.#events.onPrompt();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
    signal.throwIfAborted();
    this.#stopped = false;
    return this.#lines.shift();
  }

  #take(line: string): void {
    if (this.#live && this.#answer !== undefined)
      this.#stop(); // Enter, and whatever was typed before it
    else if (this.#live && line === "") {
      if (this.#stopped) this.#end();
      else this.#events.onPrompt();
    }
    if (line === "") return;
    this.#lines.push(line);
    this.#wake?.();
  }

  #stop(): void {
    this.#stopped = true;
    this.#answer?.abort(new Error("Stopped by the person"));
  }

  #end(): void {
    this.#ended = true;
    this.#wake?.();
  }
}
