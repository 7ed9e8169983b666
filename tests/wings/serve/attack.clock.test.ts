// Honest callers under attack, over real sockets: the server in one process, all callers in another.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { sized } from "../../support/size.js";
import type { Latencies, Round } from "./load/attack.js";

const CALLERS = sized(500, 50);
const ROUNDS = sized(3, 1);
const CALLS = sized(2, 1);
const attack = { slow: sized(200, 40), leavers: sized(100, 10), flood: sized(200, 60) };
const peace = { slow: 0, leavers: 0, flood: 0 };
const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const children: ChildProcess[] = [];

async function start<First>(file: string): Promise<{ child: ChildProcess; first: First }> {
  const child = fork(join(import.meta.dirname, "load", file), {
    execArgv: ["--import", tsx],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  children.push(child);
  const [first] = await once(child, "message");
  return { child, first };
}
async function ask<T>(child: ChildProcess, message: string | object): Promise<T> {
  const answer = once(child, "message");
  child.send(message);
  return (await answer)[0];
}

let server: ChildProcess;
let callers: ChildProcess;
let port: number;
beforeAll(async () => {
  const [one, two] = await Promise.all([start<{ port: number }>("attacked.ts"), start("attack.ts")]);
  server = one.child;
  port = one.first.port;
  callers = two.child;
});
afterAll(async () => {
  const ends = children.map((child) => once(child, "exit"));
  for (const child of children) child.send("stop");
  expect((await Promise.all(ends)).map(([code]) => code)).toEqual([0, 0]);
});

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const round = (who: typeof peace) =>
  ask<Latencies>(callers, { port, callers: CALLERS, calls: CALLS, ...who } satisfies Round);

test(`${CALLERS} streaming callers beside ${attack.slow} slow bodies, ${attack.leavers} who hang up and a tenant who floods`, async () => {
  await round(peace); // warm
  const [quiet, attacked]: [number[], number[]] = [[], []];
  for (let at = 0; at < ROUNDS; at++) {
    for (const [who, into] of [
      [peace, quiet],
      [attack, attacked],
    ] as const) {
      const { answered, failed, p50, p99 } = await round(who);
      expect({ answered, failed }).toEqual({ answered: CALLERS * CALLS, failed: [] });
      into.push(p99);
      const what = who === attack ? "attacked" : "in peace";
      process.stdout.write(
        `tests/wings/serve: ${what}: p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms\n`,
      );
    }
  }
  process.stdout.write(
    `tests/wings/serve: p99 under attack is ${(median(attacked) / median(quiet)).toFixed(1)} times that in peace\n`,
  );
  await vi.waitFor(async () => expect(await ask(server, "stats")).toMatchObject({ running: 0, waiting: 0 }), {
    timeout: 10_000,
    interval: 50,
  });
}, 300_000);
