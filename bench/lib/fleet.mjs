// What the workloads over Redis share: the server, its workers in processes of their own, and its peak memory.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { tsImport } from "tsx/esm/api";

const worker = fileURLToPath(new URL("fleet-worker.mjs", import.meta.url));

/** A redis-server of its own, as the tests start it, with its peak memory in kB over that of an empty one. */
export async function startServer() {
  const { startRedis } = await tsImport("../../tests/support/redis.ts", import.meta.url);
  const server = await startRedis();
  const field = async (section, name) => {
    const text = await server.client.info(section);
    return Number(new RegExp(`^${name}:(.*?)\r?$`, "m").exec(text)[1]);
  };
  const used = () => field("memory", "used_memory");
  const empty = await used();
  let most = 0;
  const timer = setInterval(async () => {
    most = Math.max(most, (await used().catch(() => 0)) - empty);
  }, 20);
  return {
    url: server.url,
    peakKilobytes: () => most / 1024,
    /** Seconds of its processor time. */
    cpu: async () => (await field("cpu", "used_cpu_sys")) + (await field("cpu", "used_cpu_user")),
    stop: () => {
      clearInterval(timer);
      return server.stop();
    },
  };
}

/** Starts a worker in a process of its own; `kind` is a function of fleet-worker.mjs. */
export async function startWorker(kind, task) {
  const child = fork(worker, [kind, JSON.stringify(task)]);
  await once(child, "message");
  return {
    /** Milliseconds of its processor time. */
    cpu: async () => {
      child.send("cpu");
      return (await once(child, "message"))[0];
    },
    stop: () => void child.kill("SIGKILL"),
  };
}
