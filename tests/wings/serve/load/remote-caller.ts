// A client with a remote node, in a process of its own: what one call costs it.
import { remote } from "sluice/serve";

export interface Call {
  readonly path: string;
  readonly port: number;
}

export interface Cost {
  /** Milliseconds of CPU. */
  readonly cpu: number;
  readonly wall: number;
  /** Characters of the result, or the message of the error. */
  readonly outcome: number | string;
}

async function call({ path, port }: Call): Promise<Cost> {
  const shared: { text?: string } = {};
  const node = remote(`http://127.0.0.1:${port}${path}`);
  const [began, before] = [performance.now(), process.cpuUsage()];
  const error = await node.run(shared).then(
    () => undefined,
    (error: Error) => error.message,
  );
  const { user, system } = process.cpuUsage(before);
  const wall = performance.now() - began;
  return { cpu: (user + system) / 1_000, wall, outcome: error ?? shared.text?.length ?? 0 };
}

process.on("message", async (message: Call | "stop") => {
  if (message === "stop") return process.disconnect();
  process.send?.(await call(message));
});
process.send?.("ready");
