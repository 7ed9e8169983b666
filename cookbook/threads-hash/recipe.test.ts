// Runs the program as a user does, and the flow with both ways of hashing.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { asyncify } from "sluice/threads";
import { describe, expect, test } from "vitest";
import { createHashFlow } from "./flow.js";
import { stretch } from "./hash.js";
import type { Shared } from "./nodes.js";

function start(...args: string[]) {
  const child = spawn(process.execPath, ["--import", "tsx", join(import.meta.dirname, "main.ts"), ...args], {
    cwd: import.meta.dirname,
  });
  let text = "";
  child.stdout.on("data", (chunk) => (text += chunk));
  child.stderr.on("data", (chunk) => (text += chunk));
  const ended = new Promise<{ code: number | null; text: string }>((resolve) =>
    child.on("close", (code) => resolve({ code, text })),
  );
  return { child, ended, printed: () => text };
}

describe.concurrent("threads-hash", () => {
  test("hashes in threads what it hashes on the main thread, and ends by itself", async () => {
    const { code, text } = await start("8", "20000").ended;
    expect(text).toContain("Both gave the same hashes.");
    expect(text).toMatch(/main thread +[\d.]+ s +[\d.]+ ms +\d+ of 80\n/);
    expect(text).toMatch(/in threads +[\d.]+ s +[\d.]+ ms +\d+ of 80\n/);
    expect(code).toBe(0);
  });

  test("tells how far each password is while its thread is at work", async () => {
    const seen: unknown[] = [];
    const work = asyncify<typeof stretch>(new URL("./hash.js", import.meta.url), "stretch");
    const flow = createHashFlow({
      concurrency: 2,
      stretch: async function* (password, rounds, ctx) {
        for await (const step of work(password, rounds, ctx)) {
          seen.push("percent" in step ? step.percent : "hash");
          yield step;
        }
      },
    });
    const shared: Shared = { passwords: ["a"], rounds: 100, hashes: [] };
    await flow.run(shared);
    expect(seen).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, "hash"]);
    expect(shared.hashes).toEqual([[...stretch("a", 100)].map((step) => "hash" in step && step.hash).at(-1)]);
  });

  test("stops at once on Ctrl-C", async () => {
    const run = start("2000", "1000000");
    while (!run.printed().includes("event loop")) await new Promise((resolve) => setTimeout(resolve, 20));
    run.child.kill("SIGINT");
    const { code, text } = await run.ended;
    expect(text).toContain("Stopped.");
    expect(code).toBe(130);
  });

  test("explains wrong input", async () => {
    const { code, text } = await start("many").ended;
    expect(text).toContain("Usage: npm start -- [passwords] [rounds]");
    expect(code).toBe(2);
  });
});
