// Runs one flow for each topic, and lets the desk show how far each is.
import { EventEmitter } from "eventemitter3";
import type { Flow, RunEvents } from "sluice";
import type { Desk } from "./desk.js";
import type { Change, Shared } from "./nodes.js";

/** Starts announcements and knows when all are done. */
export class Office {
  readonly desk: Desk;
  readonly #flow: Flow<Shared>;
  readonly #signal: AbortSignal;
  readonly #running = new Set<Promise<void>>();

  constructor(desk: Desk, flow: Flow<Shared>, signal: AbortSignal) {
    this.desk = desk;
    this.#flow = flow;
    this.#signal = signal;
  }

  /** Starts an announcement, beside all others. @returns Its number. */
  start(topic: string): number {
    const id = this.desk.add(topic);
    const run = this.#run(id, topic);
    this.#running.add(run);
    run.then(() => this.#running.delete(run));
    return id;
  }

  /** Waits until nothing is being written and nothing waits, also of what is started meanwhile. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Fails alone: what becomes of one announcement is nothing to the others. */
  async #run(id: number, topic: string): Promise<void> {
    const events = new EventEmitter<RunEvents>();
    events.on("data", ({ data }) => this.desk.update(id, data as Change));
    try {
      await this.#flow.run({ id, topic, rejected: [] }, { signal: this.#signal, events });
    } catch (error) {
      this.desk.update(id, { state: "failed", note: error instanceof Error ? error.message : String(error) });
    }
  }
}
