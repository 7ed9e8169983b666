// A program that uses sluice ends by itself within 50 ms of its last await: no gate, limiter, pause or timeout
// holds it, also after an abort.
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scenes } from "../support/exits.js";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));

// Bundled once: through tsx each scene would take a second longer to start. In `node_modules`, so that git and
// watchers pass it by.
const cache = join(root, "node_modules/.cache");
let folder: string;
beforeAll(async () => {
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(join(cache, "sluice-exits-"));
  await build({
    entryPoints: [join(root, "tests/support/exits.ts")],
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    tsconfig: join(root, "tsconfig.json"),
    packages: "external",
    logLevel: "warning",
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const figures: string[] = [];
afterAll(() => console.log(figures.join("\n")));

const LIMIT = 50;

/** Plays a scene in a process of its own: the ms that it lived after its last await, and with what others ran. */
async function play(scene: string): Promise<{ held: number; took: number }> {
  const { stdout, stderr } = await run(process.execPath, [join(folder, "exits.mjs"), scene], {
    timeout: 15_000,
  });
  expect(stderr).toBe("");
  return JSON.parse(stdout.trim());
}

test.each(Object.keys(scenes))("%s", async (scene) => {
  let { held, took } = await play(scene);
  // A moment of the machine comes once; what holds a process does so each time.
  for (let again = 0; again < 4 && held >= LIMIT; again++) ({ held, took } = await play(scene));
  figures.push(
    `exit ${held.toFixed(1)} ms after the last await: ${scene} (${took.toFixed(1)} ms with what others ran)`,
  );
  expect(held).toBeLessThan(LIMIT);
});
