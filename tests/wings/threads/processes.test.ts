// sluice/threads in processes of their own, started through tsx: with TypeScript modules in the threads. How it
// runs from its build is shown in tests/package/wings.test.ts.
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const execute = promisify(execFile);
const tsx = createRequire(import.meta.url).resolve("tsx/cli");
const run = (...args: string[]) => execute(process.execPath, [tsx, ...args], { cwd: import.meta.dirname });

test("through tsx, TypeScript modules run in threads, and the process ends by itself", async () => {
  const { stdout, stderr } = await run(join(import.meta.dirname, "programs/main.ts"));
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toEqual({
    hash: "2071929c",
    seen: [1, 2, 3],
    square: 49,
    aborted: "TimeoutError",
    died: "THREAD_DIED",
    after: "goes on",
    threads: true,
  });
});

test("a process ends at once though its pool keeps idle threads, and nothing is left unhandled", async () => {
  const program = `import { asyncify, ThreadPool } from "sluice/threads";
    const pool = new ThreadPool({ threads: 2, idle: 60_000 });
    const same = asyncify((n: number) => n, { pool });
    await Promise.all([same(1), same(2)]);
    const stop = new AbortController();
    const spin = asyncify(() => { for (;;); }, { pool });
    const lost = spin({ signal: stop.signal }).catch((error: unknown) => error);
    setTimeout(() => stop.abort("over"), 50);
    const values = asyncify(function* () { yield 1; yield 2; }, { pool });
    for await (const n of values()) break;
    console.log(await lost, pool.stats().threads > 0);`;
  const startedAt = performance.now();
  const { stdout, stderr } = await run("--input-type=module", "-e", program);
  expect(stderr).toBe("");
  expect(stdout).toBe("over true\n");
  expect(performance.now() - startedAt).toBeLessThan(15_000);
});
