// sluice/redis: one limit for the gates of many processes. For Node.
export type { RedisClient } from "./connection.js";
export { type RedisLimit, type RedisLimitOptions, redisLimit } from "./redis-limit.js";
