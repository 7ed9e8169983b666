// redisLimit keeps the contract of shared limits, on a real server.
import { redisLimit } from "sluice/redis";
import { sharedLimitContract } from "sluice/testing";
import { afterAll, beforeAll, describe, test } from "vitest";
import { noRedis, type RedisServer, startRedis } from "../../support/redis.js";

describe.skipIf(noRedis)("a limit in Redis", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  let places = 0;
  const cases = sharedLimitContract(() => {
    const key = `place ${places++}`;
    return {
      limit: redisLimit(server.url, { key }),
      another: () => redisLimit(server.url, { key }),
      forget: () => server.client.del(`sluice:limit:${key}`),
      close: () => server.client.del(`sluice:limit:${key}`),
    };
  });
  test.concurrent.each(cases)("$name", ({ run }) => run(), 60_000);
});
