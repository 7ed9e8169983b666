// redisLimit: a limit that the gates of many processes share, in one key of Redis.
import { type LimitConflict, type LimitReply, type LimitRequest, SharedLimit } from "sluice";
import { aString, checkOptions, invalidOption, isObject, missingOption } from "sluice/internal";
import { type RedisClient, RedisConnection } from "./connection.js";
import "./error-codes.js";

/** The options of {@link redisLimit}. */
export interface RedisLimitOptions {
  /** The name of the limit: gates with the same key share one limit. Required. */
  readonly key: string;
}

/** A limit in Redis. It keeps the process alive until it is closed, as its connection does. */
export interface RedisLimit extends SharedLimit {
  /** The same as `close()`. */
  [Symbol.asyncDispose](): Promise<void>;
}

const WHERE = "redisLimit()";

/**
 * Creates a limit for `new Gate({ concurrency, rate, shared })` that all processes with the same `key` share. It connects
 * at the first call.
 *
 * `close()` rejects waiting calls with `LIMIT_CLOSED`, returns unused slots and permits, and closes the connection. Until
 * then the connection keeps the process alive. Slots of running calls expire within 10 s.
 *
 * Calls at the gate reject with `REDIS_UNREACHABLE` if the first connection fails; with `REDIS_UNFIT` if Redis is older
 * than 6.2, may evict keys or does not permit scripts; with `LIMIT_DIFFERS` if another gate with this key has other
 * limits; with `MISSING_PEER` without the package `ioredis`. After the first connection, calls wait while Redis is
 * unreachable.
 *
 * @param connection - A `redis://` or `rediss://` URL, the path of a Unix socket, or a client of `ioredis`, whose
 * options are used for a separate connection.
 * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`.
 * @example
 * ```ts
 * import { Gate } from "sluice";
 * import { redisLimit } from "sluice/redis";
 *
 * const shared = redisLimit("redis://localhost:6379", { key: "openai" });
 * const vendor = new Gate({ concurrency: 32, rate: { requests: 500, per: 60_000 }, shared });
 * vendor.stats().running; // => 0
 * await shared.close();
 * ```
 */
export function redisLimit(connection: string | RedisClient, options: RedisLimitOptions): RedisLimit {
  checkOptions(WHERE, options, { key: aString });
  const key = (options as RedisLimitOptions | undefined)?.key;
  if (key === undefined) throw missingOption(WHERE, "key", "the name of the limit");
  checkConnection(connection);
  return new LimitInRedis(connection, key);
}

function checkConnection(connection: unknown): void {
  const expected = "a redis:// or rediss:// URL, the path of a socket, or a client of ioredis";
  if (typeof connection === "string") {
    // Without the URL, which may have a password.
    if (/^(rediss?:\/\/.|\/.)/.test(connection)) return;
    throw invalidOption(WHERE, "connection", expected, connection.replace(/^([\w+]*).*$/s, "$1…"));
  }
  const { duplicate, isCluster } = (isObject(connection) ? connection : {}) as Record<string, unknown>;
  if (isCluster === true) throw invalidOption(WHERE, "connection", `${expected}; no cluster`, connection);
  if (typeof duplicate !== "function") throw invalidOption(WHERE, "connection", expected, connection);
}

class LimitInRedis extends SharedLimit implements RedisLimit {
  readonly #connection: RedisConnection;
  readonly #key: string;

  constructor(where: string | RedisClient, key: string) {
    super();
    this.#connection = new RedisConnection(where);
    this.#key = `sluice:limit:${key}`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async exchange(request: LimitRequest): Promise<LimitReply | LimitConflict> {
    return JSON.parse(String(await this.#connection.run(this.#key, JSON.stringify(request))));
  }

  protected disconnect(): void {
    this.#connection.close();
  }
}
