/**
 * One limit for the gates of many processes. For Node.
 *
 * @module sluice/redis
 */

export type { RedisClient } from "./connection.js";
export { type RedisLimit, type RedisLimitOptions, redisLimit } from "./redis-limit.js";
