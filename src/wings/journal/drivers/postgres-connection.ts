// Connections to PostgreSQL: statements and transactions that outlast a restart of the server.
import { SluiceError } from "sluice";
import { isObject } from "sluice/internal";
import { noModules } from "../../shared/missing-peer.js";

/** The rows of a statement, and the number of affected rows. */
export interface Rows {
  readonly rows: readonly unknown[];
  readonly rowCount: number | null;
}

/** Executes one statement. */
export interface Querying {
  query(text: string, values?: unknown[]): Promise<Rows>;
}

interface Emitting {
  on(event: "error", listener: (error: Error) => void): unknown;
  removeListener(event: "error", listener: (error: Error) => void): unknown;
}

/** A connection of a pool. */
export interface PostgresClient extends Querying, Emitting {
  release(error?: Error | boolean): void;
}

/** A pool of connections of the package `pg`. */
export interface PostgresPool extends Querying, Emitting {
  connect(): Promise<PostgresClient>;
  end(): Promise<void>;
}

/** Milliseconds for which statements are retried while the server is unreachable: as long as a claim lasts. */
const PATIENCE = 10_000;
/** Milliseconds without a failure after which another one is a new outage. */
const CALM = 5_000;
const FIRST_DELAY = 25;
const LONGEST_DELAY = 500;
/** The timeout of a new connection, in ms. */
const CONNECT_TIMEOUT = 5_000;

/** PostgreSQL codes of a server that is starting or stopping, and of conflicting transactions. */
const PASSING = /^(?:08...|57P0[123]|53300|40001|40P01)$/;
const SOCKET =
  /^(?:ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN)$/;
/** Messages of `pg` without a code. */
const TERMINATED =
  /^Connection terminated|connection error and is not queryable|timeout.* trying to connect/i;

/** Whether the same statement may succeed in a moment. */
export function isPassing(error: unknown): boolean {
  const { code, message, errors } = error as { code?: unknown; message?: unknown; errors?: unknown[] };
  if (Array.isArray(errors) && errors.length > 0) return errors.every(isPassing); // one for IPv4 and one for IPv6
  const name = String(code);
  return PASSING.test(name) || SOCKET.test(name) || TERMINATED.test(String(message));
}

const ignore = () => {};

/** A pool that retries statements during an outage. */
export class PostgresConnection implements Querying {
  readonly #pool: PostgresPool;
  readonly #isOwn: boolean;
  /** The start and the last failure of an outage; written by `retry`. */
  #outage: { readonly since: number; last: number } | undefined;
  /** Whether to wait for an unreachable server: true while the journal is open. */
  isPatient = false;

  /** @param isOwn - Whether closing ends the pool. */
  constructor(pool: PostgresPool, isOwn: boolean) {
    this.#pool = pool;
    this.#isOwn = isOwn;
    // Without a listener a broken idle connection would end the process.
    pool.on("error", ignore);
  }

  query(text: string, values?: unknown[]): Promise<Rows> {
    return this.retry(() => this.#pool.query(text, values));
  }

  /** Executes a statement without retries. */
  once(text: string, values?: unknown[]): Promise<Rows> {
    return this.#pool.query(text, values);
  }

  /**
   * Repeats idempotent work until it succeeds or the server has been unreachable for 10 s.
   *
   * @param work - Gets whether an earlier try may have succeeded although its reply was lost.
   */
  async retry<T>(work: (isRepeated: boolean) => Promise<T>): Promise<T> {
    let delay = FIRST_DELAY;
    for (let isRepeated = false; ; isRepeated = true) {
      try {
        const value = await work(isRepeated);
        this.#outage = undefined;
        return value;
      } catch (error) {
        if (!isPassing(error) || !this.isPatient || !this.#hasTime()) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, delay));
      delay = Math.min(LONGEST_DELAY, delay * 2);
    }
  }

  #hasTime(): boolean {
    const now = performance.now();
    if (this.#outage === undefined || now - this.#outage.last > CALM)
      this.#outage = { since: now, last: now };
    this.#outage.last = now;
    return now - this.#outage.since < PATIENCE;
  }

  /** Commits changes, all or none. */
  transaction<T>(work: (client: Querying, isRepeated: boolean) => Promise<T>): Promise<T> {
    return this.retry((isRepeated) => this.#transaction((client) => work(client, isRepeated)));
  }

  async #transaction<T>(work: (client: Querying) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    client.on("error", ignore); // the pending statement rejects with it too
    let broken: Error | undefined;
    try {
      // The driver's locking needs this level, whatever the default of the database is.
      await client.query("BEGIN ISOLATION LEVEL READ COMMITTED");
      const value = await work(client);
      await client.query("COMMIT");
      return value;
    } catch (error) {
      await client.query("ROLLBACK").catch((cause) => (broken = cause));
      throw error;
    } finally {
      client.removeListener("error", ignore);
      client.release(broken);
    }
  }

  async close(): Promise<void> {
    this.isPatient = false;
    if (this.#isOwn) await this.#pool.end();
    else this.#pool.removeListener("error", ignore);
  }
}

interface PgModule {
  readonly Pool: new (options: object) => PostgresPool;
}

/** Creates a pool by the optional peer `pg`. @throws SluiceError `MISSING_DRIVER`. */
export async function openPool(url: string): Promise<PostgresPool> {
  const { Pool } = await loadPg();
  try {
    return new Pool({
      connectionString: url,
      connectionTimeoutMillis: CONNECT_TIMEOUT,
      fallback_application_name: "sluice",
      allowExitOnIdle: true,
      keepAlive: true,
    });
  } catch {
    // The parser's error has the whole URL with the password.
    throw new SluiceError(
      "INVALID_OPTION",
      `openJournal(): expected a URL like postgres://user@host/database`,
    );
  }
}

async function loadPg(): Promise<PgModule> {
  try {
    const module = (await import("pg")) as unknown as PgModule & { default?: PgModule };
    return module.default ?? module;
  } catch (cause) {
    const { code } = isObject(cause) ? (cause as { code?: unknown }) : {};
    const isMissing = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
    const advice = noModules(cause) ?? (isMissing ? "which is not installed: npm install pg" : undefined);
    if (advice === undefined) throw cause;
    const text = `A journal in PostgreSQL needs the package \`pg\`, ${advice}`;
    throw new SluiceError("MISSING_DRIVER", text, { cause });
  }
}

/** A URL without its password, for messages. */
export function publicUrl(url: string): string {
  try {
    const { protocol, username, host, pathname } = new URL(url);
    return `${protocol}//${username && `${username}@`}${host}${pathname}`;
  } catch {
    return `${url.slice(0, url.indexOf(":"))}://…`;
  }
}
