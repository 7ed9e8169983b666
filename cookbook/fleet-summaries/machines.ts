// Stands in for a deployment: a Redis, and workers on this machine.
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UsageError } from "../lib/main.js";

/** The Redis of this URL, or one that is started here and ends with the program. */
export async function openRedis(
  given: string | undefined,
): Promise<AsyncDisposable & { readonly url: string }> {
  if (given) return { url: given, [Symbol.asyncDispose]: async () => {} };
  const folder = mkdtempSync(join(tmpdir(), "fleet-"));
  const port = await freePort();
  const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
  const server = spawn("redis-server", args, { stdio: "ignore", detached: true });
  await new Promise<void>((resolve, reject) => {
    server.on("spawn", resolve);
    const advice = "Install it (apt-get install redis-server, brew install redis), or set REDIS_URL.";
    server.on("error", () => reject(new UsageError(`There is no redis-server here. ${advice}`)));
  });
  const end = async () => {
    server.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  return { url: `redis://127.0.0.1:${port}`, [Symbol.asyncDispose]: end };
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

/** Starts workers as processes on this machine, which report to `log`. They end with the program. */
export function startWorkers(
  program: string,
  count: number,
  env: NodeJS.ProcessEnv,
  log: NodeJS.WritableStream,
): AsyncDisposable {
  const workers = Array.from({ length: count }, () => {
    const worker = fork(program, ["--worker"], { env, stdio: ["ignore", "inherit", "pipe", "ipc"] });
    worker.stderr?.pipe(log, { end: false });
    return worker;
  });
  const end = async (worker: ChildProcess) => {
    worker.stderr?.unpipe().resume(); // its line about the drain is not shown
    if (worker.exitCode !== null || worker.signalCode !== null) return;
    worker.kill(); // it drains
    await once(worker, "exit");
  };
  return { [Symbol.asyncDispose]: async () => void (await Promise.all(workers.map(end))) };
}
