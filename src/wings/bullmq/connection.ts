// Connections to Redis, and the requirements on the server.
import type { Redis, RedisOptions } from "ioredis";
import { SluiceError } from "sluice";
import { describe } from "sluice/internal";
import { missingPeer } from "../shared/missing-peer.js";

/** Where Redis is: a URL, or the options of ioredis. */
export type Connection = string | RedisOptions;

/** The timeout of the first connection, in ms. */
const PATIENCE = 5_000;

/** The minimum version of Redis, required by BullMQ. */
const OLDEST = [6, 2] as const;

/** The name of a connection for messages, without its password. */
function nameOf(connection: Connection): string {
  if (typeof connection !== "string") {
    const { path, host = "127.0.0.1", port = 6379 } = connection;
    return path ?? `${host}:${port}`;
  }
  return connection.replace(/\/\/[^@/]*@/, "//");
}

/** Creates a connection, which reconnects when it was lost. */
export async function connect(connection: Connection): Promise<Redis> {
  const { Redis } = await import("ioredis").catch((error) => {
    throw missingPeer("sluice/bullmq", "ioredis", error);
  });
  const options: RedisOptions = {
    maxRetriesPerRequest: null,
    enableReadyCheck: true,
    lazyConnect: true,
    retryStrategy: (times) => Math.min(50 * times, 1_000),
  };
  // Its types do not permit options that are `undefined`.
  const redis = (
    typeof connection === "string"
      ? new Redis(connection, options as object)
      : new Redis({ ...connection, ...options } as object)
  ) as Redis;
  let last: unknown;
  redis.on("error", (error) => {
    last = error;
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const away = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const reason = last === undefined ? "no answer" : describe(last);
      const text = `Redis at ${nameOf(connection)} could not be reached within ${PATIENCE / 1_000} s (${reason}); start it, or correct \`connection\``;
      reject(new SluiceError("REDIS_UNREACHABLE", text, { cause: last }));
    }, PATIENCE);
  });
  // Not the promise of `connect()`, which rejects at the first failure although the client keeps trying.
  const ready = new Promise<void>((resolve) => redis.once("ready", resolve));
  redis.connect().catch(() => {});
  try {
    await Promise.race([ready, away]);
    return redis;
  } catch (error) {
    redis.disconnect();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Checks the server. @throws SluiceError `REDIS_UNFIT` if it is too old, or may evict keys. */
export async function checkFit(redis: Redis, connection: Connection): Promise<void> {
  const info = await redis.info();
  const field = (name: string) => info.match(new RegExp(`^${name}:(.*?)\\r?$`, "m"))?.[1];
  const version = field("redis_version") ?? "0";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    const text = `Redis at ${nameOf(connection)} is version ${version}; expected ${OLDEST.join(".")} or later`;
    throw new SluiceError("REDIS_UNFIT", text);
  }
  const policy = field("maxmemory_policy") ?? "noeviction";
  if (policy === "noeviction") return;
  throw new SluiceError(
    "REDIS_UNFIT",
    `Redis at ${nameOf(connection)} may evict keys (\`maxmemory-policy ${policy}\`), and with them calls and results; set \`maxmemory-policy noeviction\``,
  );
}
