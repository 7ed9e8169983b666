import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { noPostgres, startPostgres } from "../../support/postgres.js";
import { inWords, sized } from "../../support/size.js";

/** The closing notes say what came of more: `SLUICE_KILLS=300`. */
const killsOf = (full: number, small: number, huge: number) =>
  Number(process.env.SLUICE_KILLS ?? sized(full, small, huge));
const root = fileURLToPath(new URL("../../..", import.meta.url));
/** In `node_modules`, so that git passes it by and packages are found. */
const program = join(root, "node_modules/.cache/sluice-chaos/application.mjs");
const folder = mkdtempSync(join(tmpdir(), "sluice-chaos-"));

beforeAll(async () => {
  await build({
    entryPoints: [join(root, "tests/wings/journal/chaos/application.ts")],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    tsconfig: join(root, "tsconfig.json"),
    external: ["libsql", "pg"],
    banner: {
      js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
    },
    logLevel: "error",
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  /** What the run left, where it was not killed. */
  readonly outcome: unknown;
  readonly wasKilled: boolean;
}

/** Starts the program; with a number of ms, kills it so long after it has opened the journal. */
function start(
  journal: string,
  runId: string,
  calls: string,
  number: number,
  killAfter?: number,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = fork(program, [journal, runId, calls, String(number)], { silent: true });
    let outcome: unknown;
    let errors = "";
    let timer: NodeJS.Timeout | undefined;
    child.stderr?.on("data", (chunk) => void (errors += chunk));
    child.on("message", (message) => {
      if (message !== "open") outcome = message;
      else if (killAfter !== undefined) timer = setTimeout(() => child.kill("SIGKILL"), killAfter);
    });
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      if (signal === "SIGKILL" && outcome === undefined) resolve({ outcome, wasKilled: true });
      else if (outcome === undefined) reject(new Error(`exit ${code} ${signal}: ${errors}`));
      else resolve({ outcome, wasKilled: false });
    });
  });
}

const paidIn = (file: string): string[] => readFileSync(file, "utf8").split("\n").filter(Boolean);

/** Where runs are kept, and what has to pass after a kill. */
interface Place {
  readonly journal: string;
  readonly kills: number;
  released(): Promise<void>;
}

async function endsAsWithoutKills({ journal, kills: wanted, released }: Place): Promise<void> {
  const callsOf = (run: string) => {
    const file = join(mkdtempSync(join(folder, "calls-")), `${run}.calls`);
    writeFileSync(file, "");
    return file;
  };
  const calm = callsOf("calm");
  const began = performance.now();
  const { outcome: expected } = await start(journal, "calm", calm, 0);
  const length = performance.now() - began;
  const distinct = new Set(paidIn(calm));
  expect(paidIn(calm).length).toBe(distinct.size);

  let kills = 0;
  let extra = 0;
  for (let runs = 0; kills < wanted; runs++) {
    const run = `run ${runs}`;
    const calls = callsOf(run);
    let killsHere = 0;
    for (let number = 0; ; number++) {
      const killAfter = kills < wanted ? Math.random() * Math.min(length, 700) * 0.7 : undefined;
      const { outcome, wasKilled } = await start(journal, run, calls, number, killAfter);
      if (wasKilled) {
        kills++;
        killsHere++;
        await released();
      }
      // Most that are in flight at once, and the rows of one commit.
      const again = paidIn(calls).length - new Set(paidIn(calls)).size;
      expect(again).toBeLessThanOrEqual(killsHere * 128);
      if (wasKilled) continue;
      expect(outcome, `${run} after ${killsHere} kills`).toEqual(expected);
      expect(new Set(paidIn(calls))).toEqual(distinct);
      extra += again;
      break;
    }
  }
  // One kill may come when most is in flight.
  if (kills >= 5) expect(extra / kills).toBeLessThan(64);
}

describe("a program that is killed leaves the store that it leaves without kills, and pays again only what was in flight", () => {
  const onSqlite = killsOf(15, 2, 50);
  test(`${inWords(onSqlite)} times on SQLite`, async () => {
    await endsAsWithoutKills({ journal: join(folder, "runs.db"), kills: onSqlite, released: async () => {} });
  }, 1_800_000);

  const onPostgres = killsOf(8, 1, 20);
  test.skipIf(noPostgres !== undefined)(
    `${inWords(onPostgres)} times on PostgreSQL`,
    async () => {
      const server = await startPostgres();
      onTestFinished(() => server.stop());
      const database = new pg.Client(server.url);
      await database.connect();
      onTestFinished(() => database.end());
      // A claim of a process that is gone holds for 10 s, which need not pass here: postgres.test.ts shows that they must.
      const released = async () => {
        // What it had sent is still carried out.
        const others =
          "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        while ((await database.query(others)).rows.length > 0) await sleep(5);
        await database.query(
          "UPDATE sluice.runs SET owned_until = clock_timestamp() - interval '1 s' WHERE owned_until IS NOT NULL",
        );
      };
      await endsAsWithoutKills({ journal: server.url, kills: onPostgres, released });
    },
    1_800_000,
  );
});
