// redisLimit keeps the contract of shared limits, on a real server.
import { redisLimit } from "sluice/redis";
import { sharedLimitContract } from "sluice/testing";
import { afterAll, beforeAll, describe, test } from "vitest";
import { noRedis, type RedisServer, startRedis } from "../../support/redis.js";
import { isFull } from "../../support/size.js";

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
  // One that waits until slots lapse takes 10 s.
  const isSlow = ({ name }: { name: string }) => name.includes("free 10 s after its last report");
  test("one case is slow", ({ expect }) => expect(cases.filter(isSlow)).toHaveLength(1));
  const quick = cases.filter((each) => isFull || !isSlow(each));
  test.concurrent.each(quick)("$name", ({ run }) => run(), 60_000);
});
