// What gates do while Redis is away, after it has lost its data, and with a Redis that will not do.
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Gate, type GateOptions } from "sluice";
import { type RedisClient, redisLimit } from "sluice/redis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { freePort, noRedis, type RedisServer, startRedis } from "../../support/redis.js";
import { isFull } from "../../support/size.js";
import { brokenWindow } from "../../support/windows.js";

let keys = 0;

/** A gate of one of several processes. */
function gateOn(where: string | RedisClient, options: GateOptions, key = `key ${keys++}`): Gate {
  const shared = redisLimit(where, { key });
  onTestFinished(() => shared.close());
  return new Gate({ ...options, shared });
}

/** Calls without end, and when each began. */
function callAt(gates: readonly Gate[], workers: number, takes = 2) {
  const starts: number[] = [];
  const running = { now: 0, most: 0 };
  let isOver = false;
  const work = async (gate: Gate) => {
    while (!isOver) {
      await gate.run(async () => {
        starts.push(performance.now());
        running.most = Math.max(running.most, ++running.now);
        await sleep(takes);
        running.now--;
      });
    }
  };
  const all = Promise.all(gates.flatMap((gate) => Array.from({ length: workers }, () => work(gate))));
  all.catch(() => {}); // closed by a test that has failed
  return {
    starts,
    running,
    end: async () => {
      isOver = true;
      await all;
    },
  };
}

const moved = async (starts: readonly unknown[], more = 5) => {
  const { length } = starts;
  await vi.waitFor(() => expect(starts.length).toBeGreaterThan(length + more), {
    timeout: 15_000,
    interval: 5,
  });
};

describe.skipIf(noRedis)("outages", () => {
  const rate = { requests: 100, per: 1_000, burst: 200 };

  /** Takes Redis away or its data, and gives the ms until calls started again from when it was back. */
  async function across(server: RedisServer, outage: () => Promise<number>) {
    const key = `key ${keys++}`;
    const gates = [1, 2].map(() => gateOn(server.url, { concurrency: 3, rate }, key));
    const calls = callAt(gates, 4);
    await moved(calls.starts, 30);
    const back = await outage();
    const isAfter = (at: number) => at > back;
    await vi.waitFor(() => expect(calls.starts.some(isAfter)).toBe(true), { timeout: 15_000, interval: 5 });
    const first = calls.starts.find(isAfter) as number;
    await moved(calls.starts, 60);
    await calls.end();
    const spent = calls.starts.map((at) => ({ at, requests: 1, tokens: 0 }));
    expect(brokenWindow(spent, rate, 150)).toBeUndefined();
    expect(calls.running.most).toBeLessThanOrEqual(3);
    return first - back;
  }

  test("Redis that is emptied or restarted: calls go on within 2 s, and never over the promise", async () => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const times: number[] = [];
    times.push(
      await across(server, async () => {
        await server.client.flushall();
        return performance.now() + 30;
      }),
    );
    times.push(
      await across(server, async () => {
        await server.kill();
        await sleep(100);
        await server.start();
        return performance.now();
      }),
    );
    console.log(`on again after ${times.map((ms) => ms.toFixed(0)).join(" and ")} ms (emptied, restarted)`);
    for (const ms of times) expect(ms).toBeLessThan(4_000);
  }, 60_000);

  test.runIf(isFull)(
    "Redis that keeps its data over a restart, or stands still: the same",
    async () => {
      const server = await startRedis({ appendonly: true });
      onTestFinished(() => server.stop());
      const times: number[] = [];
      times.push(
        await across(server, async () => {
          await server.kill();
          await server.start();
          return performance.now();
        }),
      );
      times.push(
        await across(server, async () => {
          server.pause();
          await sleep(2_500);
          server.goOn();
          return performance.now();
        }),
      );
      console.log(`on again after ${times.map((ms) => ms.toFixed(0)).join(" and ")} ms (kept, stood still)`);
      for (const ms of times) expect(ms).toBeLessThan(4_000);
    },
    60_000,
  );

  test("while Redis is away nothing starts, and calls that wait say why, in stats() and in one warning", async () => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    onTestFinished(() => warnings.mockRestore());
    const gate = gateOn(server.url, { name: "Vendor", concurrency: 2 });
    await gate.run(() => {});
    expect(gate.stats().blocked).toBeUndefined();
    await server.kill();
    await sleep(150);
    let started = 0;
    const calls = Array.from({ length: 5 }, () => gate.run(() => started++));
    await vi.waitFor(() => expect(gate.stats().blocked).toBeDefined(), { timeout: 5_000 });
    await sleep(300);
    expect(started).toBe(0);
    expect(gate.stats().blocked).toMatch(/unreachable.*127\.0\.0\.1/);
    const seen = warnings.mock.calls.filter((call) => JSON.stringify(call).includes("SLUICE_LIMIT_AWAY"));
    expect(seen.length).toBe(1);
    const abort = new AbortController();
    const aborted = gate.run(() => started++, { signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
    await server.start();
    await Promise.all(calls);
    expect(gate.stats()).toMatchObject({ waiting: 0, running: 0, blocked: undefined, started: 6 });
  }, 60_000);
});

describe.skipIf(noRedis)("a Redis that will not do", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  const failing = (where: string | RedisClient) => gateOn(where, { concurrency: 1 }).run(() => "started");

  test("one that is not there: the first call fails, and a later one tries again", async () => {
    const port = await freePort();
    const gate = gateOn(`redis://user:s3cret@127.0.0.1:${port}`, { concurrency: 1 });
    const error = await gate.run(() => {}).catch((reason) => reason);
    expect(error).toMatchObject({ code: "REDIS_UNREACHABLE" });
    expect(error.message).toMatch(`127.0.0.1:${port}`);
    expect(error.message).not.toMatch("s3cret");
    const second = await gate.run(() => {}).catch((reason) => reason);
    expect(second).toMatchObject({ code: "REDIS_UNREACHABLE" });
  });

  test("one that may evict keys, whatever else it does", async () => {
    const evicting = await startRedis({ settings: ["--maxmemory-policy", "allkeys-lru"] });
    onTestFinished(() => evicting.stop());
    await expect(failing(evicting.url)).rejects.toMatchObject({
      code: "REDIS_UNFIT",
      message: expect.stringMatching(/may evict keys \(maxmemory-policy allkeys-lru\).*noeviction/),
    });
    await evicting.client.config("SET", "maxmemory-policy", "noeviction");
    expect(await failing(evicting.url)).toBe("started");
  });

  test("one that does not permit scripts", async () => {
    await server.client.call("ACL", "SETUSER", "weak", "on", ">pass", "~*", "+@all", "-@scripting");
    await expect(failing(`redis://weak:pass@127.0.0.1:${server.port}`)).rejects.toMatchObject({
      code: "REDIS_UNFIT",
      message: expect.stringMatching(/does not permit.*EVALSHA/),
    });
    await expect(failing(`redis://weak:wrong@127.0.0.1:${server.port}`)).rejects.toMatchObject({
      code: "REDIS_UNFIT",
    });
  });

  test("one whose key another program uses", async () => {
    await server.client.lpush("sluice:limit:taken", "1");
    await expect(gateOn(server.url, { concurrency: 1 }, "taken").run(() => {})).rejects.toMatchObject({
      code: "REDIS_UNFIT",
      message: expect.stringMatching(/another program's data/),
    });
  });

  test("one that is too old, by a proxy that changes what a real one says of itself", async () => {
    const proxy = createServer((socket) => {
      const upstream = connect(server.port, "127.0.0.1");
      socket.pipe(upstream).on("error", () => {});
      socket.on("error", () => upstream.destroy());
      upstream.on("data", (data) => {
        const text = data.toString("latin1").replace(/redis_version:\d/, "redis_version:5");
        socket.write(Buffer.from(text, "latin1"));
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void proxy.close());
    const { port } = proxy.address() as { port: number };
    await expect(failing(`redis://127.0.0.1:${port}`)).rejects.toMatchObject({
      code: "REDIS_UNFIT",
      message: expect.stringMatching(/is version 5\..*needs 6\.2 or newer/),
    });
  });

  test("two gates with one key and different limits", async () => {
    const key = `key ${keys++}`;
    const gate = gateOn(server.url, { concurrency: 1 }, key);
    await gate.run(() => {});
    const other = gateOn(server.url, { concurrency: 2, rate: { requests: 5, per: 1_000 } }, key);
    await expect(other.run(() => {})).rejects.toMatchObject({
      code: "LIMIT_DIFFERS",
      message: expect.stringMatching(
        /this one has `concurrency: 2`, `rate: { requests: 5, per: 1000, burst: 1000 }`.*`concurrency: 1`, no `rate`/,
      ),
    });
    await gate.run(() => {});
  });

  test("options that are wrong are refused before anything is sent", () => {
    const wrong: [unknown, unknown, RegExp][] = [
      ["http://localhost", { key: "a" }, /`connection` to be a redis:\/\/.*got "http…"/],
      [42, { key: "a" }, /`connection`/],
      [{ isCluster: true, duplicate: () => {} }, { key: "a" }, /no cluster/],
      ["redis://localhost", {}, /`key` is required/],
      ["redis://localhost", { key: "" }, /`key` to be a non-empty string/],
      ["redis://localhost", { key: "a", prefix: "b" }, /unknown option `prefix`/],
    ];
    for (const [where, options, message] of wrong) {
      expect(() => redisLimit(where as string, options as { key: string })).toThrow(message);
    }
  });

  test("a client of ioredis is used for a connection of its own, and stays open", async () => {
    const gate = gateOn(server.client, { concurrency: 1 });
    expect(await gate.run(() => "started")).toBe("started");
    await (gate.options.shared as { close(): Promise<void> }).close();
    expect(await server.client.ping()).toBe("PONG");
  });
});
