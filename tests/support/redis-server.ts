// A redis-server of a test's own, on a free port, with an append-only file in a folder of its own.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Why there is no redis-server here; `undefined` where there is. In CI there must be one. */
export const noRedisServer = ((): string | undefined => {
  try {
    execFileSync("redis-server", ["--version"], { stdio: "ignore" });
    return undefined;
  } catch {
    if (process.env.CI) throw new Error("redis-server is not installed; in CI it must be");
    return "redis-server is not installed";
  }
})();

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** A server that can be stopped, started again and asked. */
export class RedisServer {
  readonly port: number;
  readonly url: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "sluice-redis-"));
  #process: ChildProcess | undefined;

  private constructor(port: number) {
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
  }

  static async start(...settings: readonly string[]): Promise<RedisServer> {
    const server = new RedisServer(await freePort());
    await server.restart(...settings);
    return server;
  }

  /** Starts it, again if it ran: with what its append-only file has. */
  async restart(...settings: readonly string[]): Promise<void> {
    await this.kill("SIGTERM");
    const own = [
      "--port",
      String(this.port),
      "--bind",
      "127.0.0.1",
      "--dir",
      this.#folder,
      "--save",
      "",
      "--appendonly",
      "yes",
    ];
    this.#process = spawn("redis-server", [...own, ...settings], { stdio: ["ignore", "pipe", "inherit"] });
    for await (const chunk of this.#process.stdout as AsyncIterable<Buffer>) {
      if (String(chunk).includes("Ready to accept connections")) break;
    }
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined || running.exitCode !== null) return;
    const exited = once(running, "exit");
    running.kill(signal);
    await exited;
  }

  async stop(): Promise<void> {
    await this.kill("SIGTERM");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
