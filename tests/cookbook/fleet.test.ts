// The program of fleet-summaries, with a Redis and workers of its own.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { noRedis } from "../support/redis.js";
import { isFull } from "../support/size.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "sluice-fleet-"));
const names = ["a", "b", "c", "d"];
for (const name of names) {
  writeFileSync(
    join(folder, `${name}.md`),
    `# ${name}\n\nThe lock ${name} was built in 1908. It has two gates.\n`,
  );
}
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(args: readonly string[], env: NodeJS.ProcessEnv) {
  const { OPENAI_API_KEY: _, ANTHROPIC_API_KEY: _key, REDIS_URL: _url, ...clean } = process.env;
  const tsx = pathToFileURL(join(root, "node_modules/tsx/dist/loader.mjs")).href;
  const program = join(root, "cookbook/fleet-summaries/main.ts");
  const options = { cwd: folder, env: { ...clean, ...env } };
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    execFile(process.execPath, ["--import", tsx, program, ...args], options, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

describe.runIf(isFull)("fleet-summaries", () => {
  test.skipIf(noRedis)("two workers summarise documents of the run, and all processes end", async () => {
    const { code, out, err } = await start(["*.md"], {});
    expect(out).toContain("Wrote fleet-summaries.json: 4 of 4 documents, 0 failed.");
    expect(err.match(/a stand-in at/g)).toHaveLength(3);
    expect(err).not.toContain("Finishing");
    expect(code).toBe(0);
    const summaries = JSON.parse(readFileSync(join(folder, "fleet-summaries.json"), "utf8"));
    expect(Object.keys(summaries).sort()).toEqual(names.map((name) => `${name}.md`));
    for (const name of names)
      expect(summaries[`${name}.md`]).toContain(`The lock ${name} was built in 1908.`);
  });

  test("without redis-server it says what to do, before any work", async () => {
    const { code, err } = await start(["*.md"], { PATH: "" });
    expect(err).toBe(
      "error: There is no redis-server here. Install it (apt-get install redis-server, brew install redis), or set REDIS_URL.\n",
    );
    expect(code).toBe(2);
  });
});
