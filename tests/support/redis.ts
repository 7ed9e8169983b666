// A redis-server of a test's own: Debian's program, in a temporary folder, on a free port. It neither needs nor uses
// the service of the package.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";

const program = ["/usr/bin/redis-server", "/usr/local/bin/redis-server"].find((path) => existsSync(path));

/** Why there is no server; tests skip by it. In CI there always is one, so nothing skips. */
export const noRedis: string | undefined =
  program !== undefined || process.env.CI ? undefined : "no redis-server in /usr/bin";
if (noRedis !== undefined) console.info(`skipped: tests that need a server (${noRedis})`);

/** A server that runs. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** A client of the test's own. */
  readonly client: Redis;
  /** Ends the server at once, as a power cut does. */
  kill(): Promise<void>;
  /** Starts it again, with what is on the disk. */
  start(): Promise<void>;
  /** Stops it as SIGSTOP does, and lets it go on. */
  pause(): void;
  goOn(): void;
  /** Ends it for good. */
  stop(): Promise<void>;
}

/** A port that is free now. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

/** Starts a server without data. With `appendonly` it keeps its data over a restart. */
export async function startRedis({
  appendonly = false,
  settings = [] as string[],
} = {}): Promise<RedisServer> {
  if (program === undefined)
    throw new Error("Expected redis-server in /usr/bin: apt-get install redis-server");
  const folder = mkdtempSync(join(tmpdir(), "sluice-redis-"));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
  args.push("--appendonly", appendonly ? "yes" : "no", "--appendfsync", "always", ...settings);
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on("error", () => {});
  let child: ChildProcess | undefined;
  const start = async () => {
    child = spawn(program, args, { stdio: "ignore" });
    if (client.status === "wait") await client.connect().catch(() => {});
    await client.ping();
  };
  const kill = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  };
  await start();
  return {
    url,
    port,
    client,
    kill,
    start,
    pause: () => void child?.kill("SIGSTOP"),
    goOn: () => void child?.kill("SIGCONT"),
    stop: async () => {
      client.disconnect();
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
