// Four processes at one limit, seen by an observer that counts starts: the promise of the gate holds for all together.
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { noRedis, type RedisServer, startRedis } from "../../support/redis.js";
import { isFull } from "../../support/size.js";
import { brokenWindow } from "../../support/windows.js";
import { buildCaller, Observer } from "./programs/observer.js";

/** Grants are used within so many ms. */
const LAPSE = 100;
const figures: string[] = [];

describe.skipIf(noRedis || !isFull)("four processes", () => {
  let server: RedisServer;
  let keys = 0;
  beforeAll(async () => {
    server = await startRedis();
    await buildCaller();
  });
  afterAll(async () => {
    await server.stop();
    console.log(figures.join("\n"));
  });

  async function start(task: object, processes = 4) {
    const observer = await Observer.open();
    onTestFinished(() => observer.close());
    const key = `key ${keys++}`;
    const callers = Array.from({ length: processes }, () => observer.call({ url: server.url, key, ...task }));
    return { observer, callers };
  }

  /** Measures for some ms, and again where the machine was too busy to start calls in time. */
  async function share(observer: Observer, perSecond: number, ms: number): Promise<number> {
    let best = 0;
    for (let time = 0; time < 3 && best < 0.97; time++) {
      await sleep(ms);
      best = Math.max(best, (observer.startsIn(ms) / ms) * (1_000 / perSecond));
    }
    return best;
  }

  const rates = [
    { kind: "requests", rate: { requests: 200, per: 1_000, burst: 400 }, tokens: 0, perSecond: 200 },
    { kind: "tokens", rate: { tokens: 20_000, per: 1_000, burst: 400 }, tokens: 100, perSecond: 200 },
  ];
  test.concurrent.each(rates)(
    "start at most what the rate of $kind promises, and 97 % of it; one that is killed leaves its share to the others",
    async ({ kind, rate, tokens, perSecond }) => {
      const { observer, callers } = await start({ options: { rate }, workers: 8, takes: 5, tokens });
      while (observer.starts.length < 2 * perSecond) await sleep(20); // past what was saved up
      const before = await share(observer, perSecond, 6_000);
      callers[0]?.kill("SIGKILL");
      await sleep(1_000);
      const after = await share(observer, perSecond, 6_000);
      const spent = observer.starts.map((at) => ({ at, requests: 1, tokens }));
      figures.push(
        `${kind}: ${(before * 100).toFixed(1)} % of the rate, ${(after * 100).toFixed(1)} % a second after a kill, longest lag ${observer.lag.toFixed(1)} ms`,
      );
      expect(brokenWindow(spent, rate, LAPSE + observer.lag)).toBeUndefined();
      expect(before).toBeGreaterThanOrEqual(0.97);
      expect(after).toBeGreaterThanOrEqual(0.97);
    },
    60_000,
  );

  test("have no more calls in flight than there are slots; those of one that is killed are free within 10 s", async () => {
    const options = { concurrency: 8 };
    const { observer, callers } = await start({ options, workers: 8, takes: 300, tokens: 0 });
    while (observer.running.size < 4 || [...observer.running.values()].some((each) => each !== 2)) {
      expect(observer.most).toBeLessThanOrEqual(8);
      await sleep(10);
    }
    callers[0]?.kill("SIGKILL");
    const killed = performance.now();
    while (observer.running.size > 3) await sleep(10);
    observer.most = 0;
    while (observer.inFlight < 8) await sleep(10);
    const took = performance.now() - killed;
    figures.push(`slots: those of a killed process were in use after ${(took / 1_000).toFixed(1)} s`);
    expect(took).toBeLessThan(10_000 + observer.lag);
    expect(observer.most).toBe(8);
  }, 60_000);
});
