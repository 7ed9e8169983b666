// sluice demo, from the packed tarball, in an empty folder and with a cache of its own.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Packed, pack } from "../support/pack.js";

let packed: Packed;
let folder: string;
beforeAll(async () => {
  packed = await pack();
  folder = await mkdtemp(join(tmpdir(), "sluice-demo-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await rm(packed.folder, { recursive: true, force: true });
});

/** Runs `sluice demo` where there is no project, and resolves with its output and the files that it leaves. */
async function demo(recipe: string) {
  const cwd = join(folder, recipe);
  await mkdir(cwd);
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, XDG_CACHE_HOME: join(folder, "cache") };
  const main = join(packed.project, "node_modules/sluice/dist/cli/main.js");
  const ended = await new Promise<{ code: unknown; out: string; err: string }>((resolve) =>
    execFile(process.execPath, [main, "demo", recipe], { cwd, env }, (error, out, err) =>
      resolve({ code: error?.code ?? 0, out, err }),
    ),
  );
  return { ...ended, files: (await readdir(cwd)).sort() };
}

// Both recipes need an optional peer of sluice: parallel-images on every Node, parallel-summaries before Node 24.
test("a recipe that reads documents finds those of its own packages, and keeps a journal", async () => {
  const { code, out, err, files } = await demo("parallel-summaries");
  expect(err).toContain("Installing what parallel-summaries needs into ");
  expect([code, out]).toEqual([
    0,
    expect.stringMatching(/\nWrote summaries\.json: \d+ documents, 0 failed\.\n$/),
  ]);
  expect(files).toContain("summaries.json");
});

test("a recipe finds the optional peers of sluice", async () => {
  const { code, out, err } = await demo("parallel-images");
  expect([code, out.trimEnd().split("\n").at(-1)], err).toEqual([
    0,
    expect.stringMatching(/^12 pictures in pictures: blur-1\.png, /),
  ]);
});
