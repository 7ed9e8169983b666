// Calls that an earlier process of a run has sent: their results are collected, and they are not sent again.
import type { Queue } from "bullmq";
import type { Redis } from "ioredis";
import type { Chunk, ChunkItem, keysOf } from "./protocol.js";
import { SentChunk } from "./sent-chunk.js";

/** The position of a call in a chunk. */
interface Found {
  readonly sent: SentChunk;
  readonly at: number;
}

/** The arguments of {@link findCalls}. */
interface Where {
  readonly redis: Redis;
  readonly keys: ReturnType<typeof keysOf>;
  readonly queue: Queue<Chunk>;
  readonly runId: string;
  readonly journal: SentChunk["journal"];
}

const nameOf = (place: string, identity: string): string => `${place}\n${identity}`;

/** The found calls of one run. */
export class FoundCalls {
  readonly #found = new Map<string, Found>();

  add(sent: SentChunk): void {
    for (const [at, item] of sent.data.items.entries()) {
      if (item !== null) this.#found.set(nameOf(sent.data.place, item.identity), { sent, at });
    }
  }

  /** Takes the position of a call, if it was sent with the same input. */
  take(place: string, item: ChunkItem): Found | undefined {
    const name = nameOf(place, item.identity);
    const found = this.#found.get(name);
    if (found === undefined) return undefined;
    this.#found.delete(name);
    const before = found.sent.data.items[found.at] as ChunkItem;
    return before.input === item.input && before.params === item.params ? found : undefined;
  }
}

/** Finds the calls of a run that are in flight. */
export async function findCalls({ redis, keys, queue, runId, journal }: Where): Promise<FoundCalls> {
  const found = new FoundCalls();
  const list = keys.run(runId);
  const ids = await redis.smembers(list);
  await Promise.all(
    ids.map(async (id) => {
      const job = await queue.getJob(id);
      if (job === undefined) await redis.srem(list, id);
      else found.add(new SentChunk(id, job.data, journal));
    }),
  );
  return found;
}
