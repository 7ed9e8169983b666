// Coordinators and workers in processes of their own, which are killed, and a Redis that is taken away.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { noRedis, type RedisServer, startRedis } from "../../support/redis.js";
import { inWords, isFull, sized } from "../../support/size.js";
import type { Shared, Task } from "./programs/flow.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
/** In `node_modules`, so that git passes it by and packages are found. */
const built = join(root, "node_modules/.cache/sluice-bullmq");
/** Of a worker. */
const CONCURRENCY = 16;

describe.skipIf(noRedis)("processes", () => {
  let redis: RedisServer;
  let folder: string;
  let tasks = 0;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "sluice-fleet-"));
    await build({
      entryPoints: ["worker", "coordinator"].map((name) =>
        join(root, `tests/wings/bullmq/programs/${name}.ts`),
      ),
      outdir: built,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
      tsconfig: join(root, "tsconfig.json"),
      external: ["libsql", "pg", "bullmq", "ioredis"],
      banner: {
        js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
      },
      logLevel: "error",
    });
    redis = await startRedis({ appendonly: true });
  });
  afterAll(async () => {
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const taskOf = (given: Partial<Task>): Task => ({
    url: redis.url,
    queue: `queue-${++tasks}`,
    notes: join(folder, `notes-${tasks}`),
    items: 100,
    takes: 5,
    concurrency: 200,
    ...given,
  });

  async function start(name: "worker" | "coordinator", task: Task): Promise<ChildProcess> {
    const child = fork(join(built, `${name}.mjs`), [JSON.stringify(task)], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(child, "message");
    return child;
  }

  /** What a coordinator's run came to; `undefined` where it was killed. */
  const outcomeOf = (child: ChildProcess) =>
    new Promise<Shared | undefined>((resolve) => {
      child.on("message", (message) => resolve(message as Shared));
      child.on("exit", () => resolve(undefined));
    });

  /** How often each item was begun. */
  function startsOf({ notes, items }: Task): number[] {
    const counts = new Array<number>(items).fill(0);
    const text = existsSync(notes) ? readFileSync(notes, "utf8") : "";
    for (const line of text.split("\n").filter(Boolean)) {
      const item = Number(line.split(" ")[0]);
      counts[item] = (counts[item] ?? 0) + 1;
    }
    return counts;
  }
  const begun = (task: Task) => startsOf(task).filter((count) => count > 0).length;
  const repeatsOf = (task: Task) => startsOf(task).reduce((sum, count) => sum + Math.max(0, count - 1), 0);
  const sumOf = ({ items }: Task) => items * (items - 1);

  const [items, workerKills, coordinatorKills] = [sized(5_000, 600, 20_000), sized(5, 1, 20), sized(2, 1, 5)];
  test(`${inWords(items)} items over 2 workers, with ${workerKills} kills of workers and ${coordinatorKills} of the coordinator`, async () => {
    const task = taskOf({ items, takes: sized(20, 40), journal: join(folder, "kills.db") });
    const workers = [await start("worker", task), await start("worker", task)];
    let coordinator = await start("coordinator", task);
    let outcome = outcomeOf(coordinator);
    for (let kill = 0; kill < workerKills + coordinatorKills; kill++) {
      const next = (items * (kill + 1)) / (workerKills + coordinatorKills + 1);
      while (begun(task) < next) await sleep(20);
      const each = Math.ceil((workerKills + coordinatorKills) / coordinatorKills);
      if (kill % each === each - 1) {
        coordinator.kill("SIGKILL");
        await once(coordinator, "exit");
        coordinator = await start("coordinator", task);
        outcome = outcomeOf(coordinator);
      } else {
        const at = kill % 2;
        (workers[at] as ChildProcess).kill("SIGKILL");
        workers[at] = await start("worker", task);
      }
    }
    expect(await outcome).toEqual({ sum: sumOf(task), failed: [] });
    expect(begun(task)).toBe(items);
    // At most the calls in flight at each kill. A worker that stalls for longer than its lock loses its calls too.
    const repeats = repeatsOf(task);
    process.stdout.write(
      `${inWords(items)} items: ${repeats} calls were repeated after ${workerKills} kills\n`,
    );
    expect(repeats).toBeLessThanOrEqual((workerKills + coordinatorKills) * CONCURRENCY);
  }, 600_000);

  test.runIf(isFull)(
    "what a killed worker had is taken over within 15 s",
    async () => {
      const task = taskOf({ items: 40, takes: 200, concurrency: 40 });
      const [first, coordinator] = [await start("worker", task), await start("coordinator", task)];
      const outcome = outcomeOf(coordinator);
      while (begun(task) < CONCURRENCY) await sleep(10);
      first.kill("SIGKILL");
      const killed = performance.now();
      await start("worker", task);
      expect(await outcome).toEqual({ sum: sumOf(task), failed: [] });
      expect(performance.now() - killed).toBeLessThan(15_000);
      expect(repeatsOf(task)).toBeLessThanOrEqual(CONCURRENCY);
    },
    60_000,
  );

  test.runIf(isFull)(
    "an item that kills its worker each time fails alone after 3 tries",
    async () => {
      const task = taskOf({ items: 60, poison: 25 });
      const isOver = new AbortController();
      // Something starts each worker again, as in production.
      const keepAlive = async () => {
        while (!isOver.signal.aborted) {
          const worker = await start("worker", task);
          await once(worker, "exit");
        }
      };
      const outcome = outcomeOf(await start("coordinator", task));
      onTestFinished(() => isOver.abort());
      void keepAlive().catch(() => {});
      expect(await outcome).toEqual({ sum: sumOf(task) - 50, failed: [[25, "WORKER_DIED"]] });
      isOver.abort();
      expect(startsOf(task)[25]).toBe(3);
    },
    120_000,
  );

  const outages: [string, (server: RedisServer) => Promise<unknown>][] = [
    [
      "restarted, with its append-only file",
      async (server) => {
        await server.kill();
        await server.start();
      },
    ],
    [
      "paused for 5 s",
      async (server) => {
        server.pause();
        await sleep(5_000);
        server.goOn();
      },
    ],
    ["emptied", (server) => server.client.flushall()],
  ];
  test.runIf(isFull).each(outages)(
    "the run goes on after Redis was %s",
    async (_what, outage) => {
      const server = await startRedis({ appendonly: true });
      onTestFinished(() => server.stop());
      const task = taskOf({
        url: server.url,
        items: 2_000,
        takes: 20,
        journal: join(folder, `outage-${tasks}.db`),
      });
      await start("worker", task);
      const outcome = outcomeOf(await start("coordinator", task));
      while (begun(task) < 500) await sleep(10);
      await outage(server);
      expect(await outcome).toEqual({ sum: sumOf(task), failed: [] });
      expect(begun(task)).toBe(2_000);
    },
    120_000,
  );

  test.runIf(isFull)(
    "a worker with another version of the flow takes no call of it",
    async () => {
      const task = taskOf({ items: 20, version: "2" });
      const other = await start("worker", { ...task, version: "1", notes: `${task.notes}-other` });
      const outcome = outcomeOf(await start("coordinator", task));
      await sleep(500);
      expect(begun(task)).toBe(0);
      await start("worker", task);
      expect(await outcome).toEqual({ sum: sumOf(task), failed: [] });
      expect(existsSync(`${task.notes}-other`)).toBe(false);
      other.kill("SIGTERM");
      await once(other, "exit"); // it ends by itself
    },
    60_000,
  );
});
