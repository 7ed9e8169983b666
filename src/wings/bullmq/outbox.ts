// Stores and publishes the outcomes of a worker in groups: those that gather during one write are the next group.
import type { Redis } from "ioredis";
import { type FromWorker, type ItemOutcome, type keysOf, ORPHAN_AGE } from "./protocol.js";

interface Entry {
  readonly chunk: string;
  readonly at: number;
  readonly outcome?: ItemOutcome;
  readonly data?: string;
  resolve(): void;
  reject(error: unknown): void;
}

const ignore = () => {};

/** The pending outcomes and data of one worker. */
export class Outbox {
  readonly #redis: Redis;
  readonly #keys: ReturnType<typeof keysOf>;
  #entries: Entry[] = [];
  #sending: Promise<void> | undefined;

  constructor(redis: Redis, keys: ReturnType<typeof keysOf>) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** Resolves when an outcome is stored. */
  add(chunk: string, at: number, outcome: ItemOutcome): Promise<void> {
    return new Promise((resolve, reject) => this.#push({ chunk, at, outcome, resolve, reject }));
  }

  /** Publishes data, which is not stored. */
  emit(chunk: string, at: number, data: string): void {
    this.#push({ chunk, at, data, resolve: ignore, reject: ignore });
  }

  /** Resolves when nothing is pending. */
  async flush(): Promise<void> {
    while (this.#sending !== undefined) await this.#sending;
  }

  #push(entry: Entry): void {
    this.#entries.push(entry);
    this.#sending ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.#send());
  }

  async #send(): Promise<void> {
    while (this.#entries.length > 0) {
      const entries = this.#entries;
      this.#entries = [];
      try {
        await this.#write(entries);
        for (const { resolve } of entries) resolve();
      } catch (error) {
        for (const { reject } of entries) reject(error);
      }
    }
    this.#sending = undefined;
  }

  async #write(entries: readonly Entry[]): Promise<void> {
    const pipeline = this.#redis.pipeline();
    for (const chunk of new Set(entries.map((entry) => entry.chunk))) {
      const own = entries.filter((entry) => entry.chunk === chunk);
      const outcomes: [number, ItemOutcome][] = [];
      const emitted: [number, string][] = [];
      for (const { at, outcome, data } of own) {
        if (outcome !== undefined) outcomes.push([at, outcome]);
        else if (data !== undefined) emitted.push([at, data]);
      }
      if (outcomes.length > 0) {
        const key = this.#keys.results(chunk);
        pipeline.hset(key, ...outcomes.flatMap(([at, outcome]) => [String(at), JSON.stringify(outcome)]));
        pipeline.pexpire(key, ORPHAN_AGE);
      }
      const message: FromWorker = { chunk, outcomes, emitted };
      pipeline.publish(this.#keys.fromWorkers, JSON.stringify(message));
    }
    for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
  }
}
