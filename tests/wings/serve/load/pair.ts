// The two processes of a load test: the server, and all its callers.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect } from "vitest";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;

async function ask<T>(child: ChildProcess, message: string | object): Promise<T> {
  const answer = once(child, "message");
  child.send(message);
  return (await answer)[0];
}

/** Starts two programs of this folder before the tests of a file, and ends them after. */
export function startPair(server: string, callers: string, flags: readonly string[] = []) {
  const children: ChildProcess[] = [];
  let port = 0;
  async function start(file: string): Promise<{ port: number }> {
    const child = fork(join(import.meta.dirname, file), {
      execArgv: [...flags, "--import", tsx],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    children.push(child);
    return (await once(child, "message"))[0];
  }
  beforeAll(async () => {
    // `fork` is sync, so `children` has them in this order.
    [{ port }] = await Promise.all([start(server), start(callers)]);
  });
  afterAll(async () => {
    const ends = children.map((child) => once(child, "exit"));
    for (const child of children) child.send("stop");
    // They end by themselves: nothing is left that would hold them.
    expect((await Promise.all(ends)).map(([code]) => code)).toEqual([0, 0]);
  });
  return {
    askServer: <T>(message: string | object) => ask<T>(children[0] as ChildProcess, message),
    /** Sends the port with the message. */
    askCallers: <T>(message: object) => ask<T>(children[1] as ChildProcess, { ...message, port }),
  };
}
