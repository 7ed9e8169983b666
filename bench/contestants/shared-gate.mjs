// A gate whose limit is in Redis.
import { Gate } from "sluice";
import { redisLimit } from "sluice/redis";

export async function gates(url) {
  const shared = redisLimit(url, { key: "bench" });
  const gate = new Gate({ concurrency: 64, rate: { requests: 1e6, per: 1_000 }, shared });
  return { gate, close: () => shared.close() };
}
