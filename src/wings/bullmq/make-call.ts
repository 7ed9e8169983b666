// Runs one call of a chunk, and serialises its outcome.
import type { Redis } from "ioredis";
import { makeSentCall, type SentOutcome, SluiceError } from "sluice/internal";
import { decode, encode, problemOf } from "../shared/plain-data.js";
import {
  begunField,
  type ItemOutcome,
  type keysOf,
  LARGE,
  LARGEST,
  ORPHAN_AGE,
  triesField,
} from "./protocol.js";
import { writeError } from "./sent-error.js";
import type { TakenCall } from "./taken-chunk.js";

/** The dependencies of a call. */
export interface CallParts {
  readonly redis: Redis;
  readonly keys: ReturnType<typeof keysOf>;
  readonly machine: string;
  /** Publishes data that a call emits, as text. */
  readonly emit: (chunk: string, at: number, data: string) => void;
}

/** The number of worker deaths after which a call is not run again. */
export const MOST_DEATHS = 3;

/** A result of at least this many characters is stored under its own key. */
const ALONE = LARGE / 4;

/** Runs a call, unless it has killed its workers. */
export async function makeCall(taken: TakenCall, parts: CallParts): Promise<ItemOutcome> {
  const { chunk, item, at, deaths, wasBegun } = taken;
  const { redis, keys, machine } = parts;
  if (deaths >= MOST_DEATHS || wasBegun)
    return { kind: "died", attempts: Math.max(1, deaths), machine, took: 0 };
  // Written before it begins, for the next worker.
  if (item.once) await redis.hset(keys.results(chunk.id), begunField(at), "1");
  if (chunk.isSuspect) await redis.hincrby(keys.results(chunk.id), triesField(at), 1);
  const { runId, isWatched, isMetered } = chunk.data;
  const { key, identity, path, index } = item;
  const params = decode(item.params) as Record<string, unknown>;
  const sent = { runId, key, identity, path, index, params, input: decode(item.input), isWatched, isMetered };
  const abort = new AbortController();
  chunk.aborts.set(at, abort);
  const began = performance.now();
  const outcome = await makeSentCall(chunk.node, sent, {
    signal: abort.signal,
    drain: chunk.drain.signal,
    emit: (data) => {
      if (problemOf(data) === undefined) parts.emit(chunk.id, at, encode(data));
    },
  });
  chunk.aborts.delete(at);
  return written(taken, outcome, performance.now() - began, parts);
}

async function written(
  { chunk, at }: TakenCall,
  outcome: SentOutcome,
  took: number,
  { redis, keys, machine }: CallParts,
): Promise<ItemOutcome> {
  const { attempts, charged } = outcome;
  const reports =
    typeof attempts === "number"
      ? attempts
      : attempts.map(({ error, ...report }) =>
          error === undefined ? report : { ...report, error: writeError(error) },
        );
  const details = { attempts: reports, charged, machine, took };
  const failed = (error: unknown): ItemOutcome => ({ ...details, kind: "error", error: writeError(error) });
  if (outcome.kind === "error") return failed(outcome.error);
  if (outcome.kind !== "value") return { ...details, kind: outcome.kind };
  const problem = problemOf(outcome.value);
  const { place } = chunk.data;
  if (problem !== undefined) {
    const text = `${place}: expected a result that is plain data, got ${problem}; it has to travel back to the run`;
    return failed(new SluiceError("NOT_SERIALIZABLE", text));
  }
  const value = encode(outcome.value);
  if (value.length < ALONE) return { ...details, kind: "value", value };
  if (value.length > LARGEST) {
    const text = `${place}: a result of ${value.length} characters is too large to travel (at most ${LARGEST}); store it where the run can read it, and return its name`;
    return failed(new SluiceError("RESULT_TOO_LARGE", text));
  }
  const large = keys.large(chunk.id, at);
  await redis.set(large, value, "PX", ORPHAN_AGE);
  return { ...details, kind: "value", large };
}
