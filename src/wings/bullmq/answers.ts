// Turns the outcome of a call at its worker into an answer for the run.
import type { Redis } from "ioredis";
import { type ExecutorAnswer, SluiceError } from "sluice";
import { type OpenCall, quote } from "sluice/internal";
import { decode } from "../shared/plain-data.js";
import { isOnce } from "./chunk-item.js";
import type { ItemOutcome } from "./protocol.js";
import { readError } from "./sent-error.js";

/** Returns the answer to a call. A question is asked here; a call whose worker died ends with its fallback. */
export async function answerOf(call: OpenCall, outcome: ItemOutcome, redis: Redis): Promise<ExecutorAnswer> {
  const { kind, value, large, error, attempts, charged, machine } = outcome;
  if (kind === "asks") return call.local();
  if (kind === "died") return call.fallback(diedOf(call, outcome));
  if (kind === "undone") {
    throw call.drain.reason ?? new SluiceError("WORKER_DIED", `${quote(call.name)}: the call was not made`);
  }
  const reports =
    typeof attempts === "number"
      ? attempts
      : attempts.map(({ error, ...report }) =>
          error === undefined ? report : { ...report, error: readError(error) },
        );
  const details = { attempts: reports, charged, machine };
  if (kind === "error") return { ...details, error: readError(error ?? {}) };
  return { ...details, value: decode(large === undefined ? (value as string) : await fetched(large, redis)) };
}

async function fetched(key: string, redis: Redis): Promise<string> {
  const text = await redis.get(key);
  if (text !== null) return text;
  throw new SluiceError("WORKER_DIED", `A large result is gone from Redis (${key}); run again`);
}

function diedOf(call: OpenCall, { attempts }: ItemOutcome): SluiceError {
  if (isOnce(call)) {
    const text = `${quote(call.name)} was interrupted at ${call.key}, for its worker died, and may have been done: with \`atMostOnce\` it is not called again; decide in execFallback()`;
    return new SluiceError("INTERRUPTED", text);
  }
  const text = `${quote(call.name)}: the call ${call.key} was running ${attempts} times when its worker died, and is not repeated; check what it does to the process (memory, a native crash, process.exit)`;
  return new SluiceError("WORKER_DIED", text);
}
