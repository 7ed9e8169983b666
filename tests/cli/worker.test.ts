// sluice worker, as a user runs it: a process of its own, on a Redis of the test's own.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build as bundle } from "esbuild";
import { emitter } from "sluice";
import { Fleet } from "sluice/bullmq";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { runProgram } from "../../src/cli/program.js";
import { type BuiltCli, build } from "../support/built-cli.js";
import { rejection } from "../support/deferred.js";
import { noRedis, type RedisServer, startRedis } from "../support/redis.js";
import { isFull } from "../support/size.js";
import { createDoubles } from "./modules/doubles.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** In `node_modules`, so that packages are found. */
const folder = join(root, "node_modules/.cache/sluice-worker");

/** The program in this process: what it prints, and its exit code. */
async function inProcess(...args: string[]) {
  let [out, err] = ["", ""];
  const code = await runProgram(["worker", ...args], {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    columns: undefined,
  });
  return { code, out, err };
}

describe("help and usage", () => {
  test("--help has usage, options and examples, on lines that fit", async () => {
    const { code, out, err } = await inProcess("--help");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("Usage: sluice worker [options] [module]");
    for (const part of ["--concurrency", "--connection", "--queue", "Exit codes", "  $ sluice worker "])
      expect(out).toContain(part);
    expect(out.split("\n").filter((line) => line.length > 102)).toEqual([]);
  });

  const doubles = join(import.meta.dirname, "modules/doubles.ts");
  const away = "redis://127.0.0.1:1";
  const wrong: (readonly [string[], number, RegExp])[] = [
    [["--concurrency", "0", doubles], 2, /--concurrency/],
    [["--concurrency", "many", doubles], 2, /--concurrency/],
    [["--connection", away, doubles], 2, /expected --connection and --queue, got --connection alone/i],
    [["--queue", "q", doubles], 2, /expected --connection and --queue, got --queue alone/i],
    [[doubles], 2, /a node with a Fleet as its executor, got none in "Main"/],
    [["--config", "x.ts", doubles], 2, /a module, or --config, got both/],
    [["missing.ts"], 2, /missing\.ts/],
    [["--config", join(import.meta.dirname, "missing.config.ts")], 2, /missing\.config\.ts/],
    [["--connection", "http://secret:word@x", "--queue", "q", doubles], 1, /redis:\/\//],
    // It is waited for 5 s.
    [["--connection", away, "--queue", "q", doubles], 1, /REDIS_UNREACHABLE/],
  ];
  test.each(isFull ? wrong : wrong.slice(0, -1))(
    "sluice worker %j says what is wrong",
    async (args, code, text) => {
      const ended = await inProcess(...args);
      expect(ended.err).toMatch(text);
      expect(ended.err).not.toContain("word");
      expect(ended.err.trimEnd().split("\n").length).toBeLessThanOrEqual(3);
      expect({ code: ended.code, out: ended.out }).toEqual({ code, out: "" });
    },
  );
});

describe.skipIf(noRedis)("a worker", () => {
  let redis: RedisServer;
  let cli: BuiltCli;
  let main: string;
  beforeAll(async () => {
    mkdirSync(folder, { recursive: true });
    redis = await startRedis();
    cli = await build();
    main = cli.main;
    await bundle({
      entryPoints: [join(import.meta.dirname, "modules/doubles.ts")],
      outfile: join(folder, "doubles.mjs"),
      bundle: true,
      format: "esm",
      platform: "node",
      tsconfig: join(root, "tsconfig.json"),
      external: ["bullmq", "ioredis"],
      logLevel: "error",
    });
  });
  afterAll(async () => {
    await redis.stop();
    cli.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  function start(args: string[], cwd = folder) {
    const child = spawn(process.execPath, [main, "worker", ...args], { cwd });
    onTestFinished(() => void child.kill("SIGKILL"));
    const said = { text: "" };
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said.text += chunk));
    return { child, said, ended: once(child, "exit") as Promise<[number | null, string | null]> };
  }
  const says = (said: { text: string }, text: string | RegExp) =>
    expect.poll(() => said.text, { timeout: 60_000, interval: 10 }).toMatch(text);
  const stop = (child: ChildProcess) => child.kill("SIGTERM");

  test("takes the calls of a module's flow; a signal drains it, and a second one ends it", async () => {
    const where = ["--connection", redis.url, "--queue", "module"];
    const worker = start([join(folder, "doubles.mjs"), ...where, "--concurrency", "4", "--machine", "m1"]);
    await says(worker.said, "takes calls of Main from the queue module, 4 at once\n");
    const fleet = new Fleet({ connection: redis.url, queue: "module" });
    const shared = { items: [1, 2, 3, 4, 5], doubled: [] as number[] };
    await createDoubles(fleet).run(shared);
    expect(shared.doubled).toEqual([2, 4, 6, 8, 10]);
    if (isFull) await says(worker.said, "running 0, waiting 0, done 5\n"); // every 10 s
    stop(worker.child);
    expect(await worker.ended).toEqual([0, null]);
    expect(worker.said.text).toMatch(/drained after 5 calls\n$/);

    const second = start([join(folder, "doubles.mjs"), ...where]);
    await says(second.said, "takes calls");
    const events = emitter();
    const begun = new Promise((resolve) => events.once("data", resolve));
    const stopped = new AbortController();
    const forEver = rejection(
      createDoubles(fleet).run({ items: [-1], doubled: [] }, { events, signal: stopped.signal }),
    );
    await begun;
    second.child.kill("SIGINT");
    await says(second.said, "once more to abort them");
    await sleep(150); // two within 100 ms count as one
    second.child.kill("SIGINT");
    expect(await second.ended).toEqual([130, null]);
    stopped.abort(new Error("stopped"));
    expect(await forEver).toMatchObject({ message: "stopped" });
    await fleet.close();
  }, 120_000);

  test("takes the calls of the flows of sluice.config, whose nodes name their fleets", async () => {
    const place = mkdtempSync(join(folder, "config-"));
    const doubles = JSON.stringify(pathToFileURL(join(folder, "doubles.mjs")).href);
    const config = `
      import { createDoubles, fleetOf } from ${doubles};
      export default { flows: { Main: () => createDoubles(fleetOf(${JSON.stringify(redis.url)}, "config")) } };`;
    writeFileSync(join(place, "sluice.config.mjs"), config);
    const worker = start([], place);
    await says(worker.said, "takes calls of Main from the queue config, 16 at once\n");
    const fleet = new Fleet({ connection: redis.url, queue: "config" });
    const shared = { items: [7], doubled: [] as number[] };
    await createDoubles(fleet).run(shared);
    expect(shared.doubled).toEqual([14]);
    await fleet.close();
    stop(worker.child);
    expect(await worker.ended).toEqual([0, null]);
  }, 120_000);
});
