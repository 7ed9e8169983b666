// A program that uses sluice ends by itself within 50 ms of its last await: no gate, limiter, pause or timeout
// holds it, also after an abort.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { scenes } from "./support/exits.js";

const run = promisify(execFile);
const program = fileURLToPath(new URL("support/exits.ts", import.meta.url));
const root = fileURLToPath(new URL("..", import.meta.url));

const figures: string[] = [];
afterAll(() => console.log(figures.join("\n")));

test.each(Object.keys(scenes))("%s", async (scene) => {
  const started = performance.now();
  const { stdout, stderr } = await run(process.execPath, ["--import", "tsx", program, scene], {
    cwd: root,
    timeout: 15_000,
  });
  const took = performance.now() - started;
  const { held } = JSON.parse(stdout.trim()) as { held: number };
  figures.push(`exit ${held.toFixed(1)} ms after the last await: ${scene} (${took.toFixed(0)} ms in all)`);
  expect(stderr).toBe("");
  expect(held).toBeLessThan(50);
});
