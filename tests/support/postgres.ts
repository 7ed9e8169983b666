// A PostgreSQL server of a test's own: Debian's program, in a temporary folder, on a free port.
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";

const execute = promisify(execFile);
const ROOT = "/usr/lib/postgresql";
const isRoot = process.getuid?.() === 0;

/** The folder of the newest server that is installed. */
function findPrograms(): string | undefined {
  const versions = existsSync(ROOT) ? readdirSync(ROOT).sort((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => join(ROOT, version, "bin")).find((bin) => existsSync(join(bin, "initdb")));
}

const bin = findPrograms();

/** Why there is no server; tests skip by it. In CI there always is one, so nothing skips. */
export const noPostgres: string | undefined =
  bin !== undefined || process.env.CI ? undefined : `no PostgreSQL in ${ROOT}`;
if (noPostgres !== undefined) console.info(`skipped: tests that need a server (${noPostgres})`);

/** A server that runs. */
export interface Server {
  /** With a password, which no message may show. */
  readonly url: string;
  /** Ends the server as `mode` says, and waits for it. */
  halt(mode: "fast" | "immediate"): Promise<void>;
  /** Starts it again. */
  resume(): Promise<void>;
  /** Ends it for good. */
  stop(): Promise<void>;
}

/** PostgreSQL refuses to run as root. */
function asPostgres(program: string, ...args: string[]): Promise<unknown> {
  const path = join(bin as string, program);
  return isRoot
    ? execute("runuser", ["-u", "postgres", "--", path, ...args], { cwd: "/" })
    : execute(path, args);
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

/** Starts a server without data. */
export async function startPostgres(): Promise<Server> {
  if (bin === undefined) throw new Error(`Expected PostgreSQL in ${ROOT}: apt-get install postgresql`);
  const folder = mkdtempSync(join(tmpdir(), "sluice-postgres-"));
  if (isRoot) execFileSync("chown", ["postgres", folder]);
  const data = join(folder, "data");
  await asPostgres("initdb", "-D", data, "-U", "tester", "--auth=trust", "--no-sync", "-E", "UTF8");
  const port = await freePort();
  const settings = {
    port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: folder,
    fsync: "off",
    full_page_writes: "off",
    shared_buffers: "32MB",
  };
  const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  const start = () =>
    asPostgres("pg_ctl", "start", "-w", "-D", data, "-l", join(folder, "log"), "-o", options.join(" "));
  const halt = (mode: string) => asPostgres("pg_ctl", "stop", "-w", "-D", data, "-m", mode);
  await start();
  return {
    url: `postgres://tester:s3cret@127.0.0.1:${port}/postgres`,
    halt: async (mode) => void (await halt(mode)),
    resume: async () => void (await start()),
    stop: async () => {
      await halt("immediate").catch(() => {});
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Empties the journal of a server, and gives its URL. */
export async function emptyJournal({ url }: Server): Promise<string> {
  const client = new pg.Client(url);
  await client.connect();
  const { rows } = await client.query("SELECT to_regclass('sluice.runs') IS NOT NULL AS found");
  // Faster than TRUNCATE on tables of a few rows.
  if (rows[0].found)
    await client.query(
      ["runs", "entries", "questions"].map((name) => `DELETE FROM sluice.${name}`).join("; "),
    );
  await client.end();
  return url;
}
