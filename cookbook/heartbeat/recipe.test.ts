// Runs the program as a user does, the heart on a clock of its own, and beats against servers that the test stops.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createBeatFlow } from "./flow.js";
import { keepBeating, nextBeat } from "./heart.js";
import { InputError } from "./input-error.js";
import { createShared, type State } from "./nodes.js";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const scratch = mkdtempSync(join(tmpdir(), "heartbeat-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function start(args: string[] = []) {
  const child = spawn(process.execPath, ["--import", tsx, join(import.meta.dirname, "main.ts"), ...args], {
    cwd: scratch,
    detached: true,
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  return { child, ended: once(child, "close").then(([code]) => ({ code, text })) };
}

/** A server whose status the test sets; it counts who asks, and answers nobody while it hangs. */
async function serve() {
  const state = { status: 200, asked: 0, hangs: false };
  const server = createServer((_request, response) => {
    state.asked++;
    if (!state.hangs) response.writeHead(state.status).end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { state, server, url, close };
}

describe.concurrent("the program", () => {
  test("beats by the clock, tells what changes, and stops at once in the middle of a beat", async () => {
    const { state, server, url, close } = await serve();
    const { child, ended } = start([url, "--every", "* * * * * *"]);
    await once(server, "request");
    state.status = 503;
    await once(server, "request");
    state.hangs = true;
    await once(server, "request");
    const stoppedAt = performance.now();
    process.kill(-(child.pid as number), "SIGINT"); // to the whole group, as a terminal does
    const { code, text } = await ended;
    expect(performance.now() - stoppedAt).toBeLessThan(5_000);
    expect(code).toBe(130);
    const told = [...text.matchAll(/^\d\d:\d\d:\d\d {2}(up|down) +(\S+) \((\d+) in \d+ ms\)$/gm)];
    expect(told.map(([, ...rest]) => rest)).toEqual([
      ["up", url, "200"],
      ["down", url, "503"],
    ]);
    expect(text).not.toMatch(/failed|Error/);
    close();
  });

  test("--once beats once, and its exit code says whether all is up", async () => {
    const { url, close } = await serve();
    const up = await start(["--once", url]).ended;
    expect([up.code, up.text]).toEqual([0, expect.stringMatching(/^\d\d:\d\d:\d\d {2}up /)]);
    const down = await start(["--once", url, "http://127.0.0.1:9/"]).ended;
    expect(down.code).toBe(1);
    expect(down.text).toMatch(/ {2}up {4}.+\n.+ {2}down {2}http:\/\/127\.0\.0\.1:9\/ \(/);
    close();
  });

  test("explains wrong input", async () => {
    const { code, text } = await start(["example.com"]).ended;
    expect(text).toBe('error: Expected addresses to watch, got "example.com". Write https://… in full.\n');
    expect(code).toBe(2);
  });
});

describe("the heart", () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.parse("2026-11-21T10:00:00.500Z") }));
  afterEach(() => void vi.useRealTimers());

  /** Beats each second, as long as the given promise for each takes. */
  function beating(beat: (number: number) => Promise<unknown>) {
    const stop = new AbortController();
    const told: string[] = [];
    let beats = 0;
    const ended = keepBeating(
      "* * * * * *",
      async () => {
        const number = ++beats;
        told.push(`begin ${number}`);
        await beat(number);
        told.push(`end ${number}`);
      },
      {
        signal: stop.signal,
        onFailed: (error) => told.push(`failed: ${(error as Error).message}`),
        onSkipped: () => told.push("skipped"),
      },
    );
    return { told, stop, ended };
  }

  test("beats at once, and then by the clock", async () => {
    const { told, stop, ended } = beating(async () => {});
    await vi.advanceTimersByTimeAsync(10);
    expect(told).toEqual(["begin 1", "end 1"]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(told.slice(2)).toEqual(["begin 2", "end 2", "begin 3", "end 3"]);
    stop.abort();
    await ended;
  });

  test("never overlaps itself: what is due meanwhile is left out", async () => {
    const release: (() => void)[] = [];
    const { told, stop, ended } = beating(() => new Promise<void>((resolve) => release.push(resolve)));
    await vi.advanceTimersByTimeAsync(2_100);
    expect(told).toEqual(["begin 1", "skipped", "skipped"]);
    release[0]?.();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told.slice(3)).toEqual(["end 1", "begin 2"]);
    stop.abort();
    release[1]?.();
    await ended;
  });

  test("a beat that fails is told of, and the next one comes as planned", async () => {
    const { told, stop, ended } = beating(async (number) => {
      if (number < 3) throw new Error(`no pulse ${number}`);
    });
    await vi.advanceTimersByTimeAsync(2_010);
    expect(told.filter((each) => !each.startsWith("begin"))).toEqual([
      "failed: no pulse 1",
      "failed: no pulse 2",
      "end 3",
    ]);
    stop.abort();
    await ended;
  });

  test("after the signal no beat starts, no timer is left, and the one that ran is waited for and no failure", async () => {
    let fail = (_: Error) => {};
    const { told, stop, ended } = beating(() => new Promise((_, reject) => (fail = reject)));
    await vi.advanceTimersByTimeAsync(10);
    stop.abort();
    let over = false;
    void ended.then(() => (over = true));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(over).toBe(false);
    fail(new Error("stopped"));
    await ended;
    expect(told).toEqual(["begin 1"]);
    expect(vi.getTimerCount()).toBe(0);
    const never = () => expect.unreachable();
    const watch = { signal: stop.signal, onFailed: never, onSkipped: never };
    await keepBeating("* * * * * *", async () => never(), watch);
  });

  test("a pattern that is none, or never comes, is a mistake of the user's", () => {
    for (const pattern of ["soon", "99 * * * *", "0 0 30 2 *"]) {
      expect(() => nextBeat(pattern), pattern).toThrow(InputError);
    }
    expect(nextBeat("*/5 * * * * *")?.toISOString()).toBe("2026-11-21T10:00:05.000Z");
  });
});

describe("a beat", () => {
  const statesOf = (changes: readonly State[]) => changes.map(({ up }) => (up ? "up" : "down"));

  test("tells changes only, each beat from what the last one left", async () => {
    const { state, url, close } = await serve();
    const told: string[][] = [];
    const flow = createBeatFlow({ announce: (changes) => void told.push(statesOf(changes)) });
    const shared = createShared([url]);
    for (const status of [200, 204, 500, 503, 200]) {
      state.status = status;
      await flow.run(shared);
    }
    expect(told).toEqual([["up"], ["down"], ["up"]]);
    expect(state.asked).toBe(5);
    close();
  });

  test("what could not be told fails the beat, and is told by the next one", async () => {
    const { url, close } = await serve();
    let deaf = true;
    const told: string[] = [];
    const flow = createBeatFlow({
      announce: async (changes) => {
        if (deaf) throw new Error("nobody there");
        told.push(...statesOf(changes));
      },
    });
    const shared = createShared([url]);
    await expect(flow.run(shared)).rejects.toThrow("nobody there");
    deaf = false;
    await flow.run(shared);
    await flow.run(shared);
    expect(told).toEqual(["up"]);
    close();
  });

  test("who is gone is down, and costs the others nothing", async () => {
    const { url, close } = await serve();
    const shared = createShared(["http://127.0.0.1:9/", url]);
    await createBeatFlow({ announce: () => {} }).run(shared);
    expect(statesOf(shared.states)).toEqual(["down", "up"]);
    close();
  });

  test("who hangs is down when the time is up", async () => {
    const { state, url, close } = await serve();
    state.hangs = true;
    const shared = createShared([url]);
    await createBeatFlow({ announce: () => {}, timeout: 20 }).run(shared);
    expect(shared.states).toEqual([
      { url, up: false, detail: expect.stringContaining("took longer than its `timeout: 20` ms") },
    ]);
    close();
  });
});
