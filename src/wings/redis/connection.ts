// The Redis connection of one limit: created at the first request, and checked after each reconnect.
import { describe, isObject, SluiceError } from "sluice/internal";
import { missingPeer } from "../shared/missing-peer.js";
import { SCRIPT } from "./script.js";

/** A client of the package `ioredis`. */
export interface RedisClient {
  duplicate(options: object): unknown;
}

/** The used part of a client. */
interface Connection {
  readonly status: string;
  connect(): Promise<unknown>;
  info(): Promise<string>;
  disconnect(): void;
  defineCommand(name: string, definition: { readonly numberOfKeys: number; readonly lua: string }): void;
  sluiceLimit(key: string, request: string, run: string): Promise<unknown>;
  on(event: string, listener: (error: Error) => void): unknown;
}

/** The timeout of a new connection and of a request, in ms. */
const CONNECT_TIMEOUT = 2_500;
const TIMEOUT = 1_000;
/** The minimum version of Redis. */
const OLDEST = [6, 2] as const;

/** Errors of Redis that waiting does not fix. */
const REFUSED = /NOPERM|NOAUTH|WRONGPASS|WRONGTYPE|unknown command/i;

/** Runs the script. */
export class RedisConnection {
  readonly #where: string | RedisClient;
  /** The name for messages, without a password. */
  readonly #name: string;
  /** Written when it is created or that fails. */
  #connection: Connection | undefined;
  /** The id of the server's run, valid while the connection lasts. */
  #session: Promise<string> | undefined;
  #lastError: Error | undefined;
  /** Whether it was ever ready: from then on it reconnects. */
  #wasReady = false;

  constructor(where: string | RedisClient) {
    this.#where = where;
    this.#name = typeof where === "string" ? `Redis at ${publicUrl(where)}` : "Redis";
  }

  /** @throws SluiceError `REDIS_UNREACHABLE`, only at first; `REDIS_UNFIT`; `MISSING_PEER`. */
  async run(key: string, request: string): Promise<unknown> {
    this.#session ??= this.#begin();
    const session = this.#session;
    try {
      const run = await session.catch((error) => {
        if (this.#session === session) this.#session = undefined;
        throw error;
      });
      return await (this.#connection as Connection).sluiceLimit(key, request, run);
    } catch (error) {
      throw this.#explain(error);
    }
  }

  close(): void {
    this.#connection?.disconnect();
  }

  async #begin(): Promise<string> {
    try {
      if (!this.#wasReady) await this.#connect();
      const connection = this.#connection as Connection;
      if (connection.status !== "ready") throw this.#lastError ?? new Error("the connection was lost");
      const run = this.#check(await connection.info());
      this.#wasReady = true;
      return run;
    } catch (error) {
      if (!this.#wasReady) this.#connection?.disconnect();
      throw error;
    }
  }

  async #connect(): Promise<void> {
    const connection = await this.#make();
    this.#connection = connection;
    connection.on("error", (error) => {
      this.#lastError = error;
    });
    connection.on("close", () => {
      this.#session = undefined;
    });
    connection.defineCommand("sluiceLimit", { numberOfKeys: 1, lua: SCRIPT });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new Error(`no answer within ${CONNECT_TIMEOUT} ms`);
      timer = setTimeout(() => reject(error), CONNECT_TIMEOUT);
    });
    try {
      await Promise.race([connection.connect(), late]);
    } catch (error) {
      const cause = this.#lastError ?? error;
      if (REFUSED.test(String(cause))) throw cause;
      const text = `${this.#name} cannot be reached: ${describe(cause)}. Start it, or check the address; after the first connection, calls wait while it is unreachable`;
      throw new SluiceError("REDIS_UNREACHABLE", text, { cause });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Creates a separate connection, which need not wait for other commands of the program. */
  async #make(): Promise<Connection> {
    const options = {
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      connectTimeout: CONNECT_TIMEOUT,
      commandTimeout: TIMEOUT,
      retryStrategy: (times: number) => (this.#wasReady ? Math.min(50 * times, 200) : null),
    };
    if (typeof this.#where !== "string") return this.#where.duplicate(options) as Connection;
    const { Redis } = await import("ioredis").catch((error) => {
      throw missingPeer("sluice/redis", "ioredis", error);
    });
    return new Redis(this.#where, options) as unknown as Connection;
  }

  /** Returns the id of the server's run. @throws SluiceError `REDIS_UNFIT`. */
  #check(info: string): string {
    const field = (name: string) => info.match(new RegExp(`^${name}:(.*?)\r?$`, "m"))?.[1];
    const version = field("redis_version") ?? "0";
    const [major = 0, minor = 0] = version.split(".").map(Number);
    if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
      throw this.#unfit(`is version ${version}; a shared limit needs ${OLDEST.join(".")} or newer`);
    }
    const policy = field("maxmemory_policy") ?? "noeviction";
    if (policy !== "noeviction") {
      throw this.#unfit(
        `may evict keys (maxmemory-policy ${policy}), and with them the limit; set maxmemory-policy to noeviction, or use another server`,
      );
    }
    return field("run_id") ?? "";
  }

  #explain(error: unknown): unknown {
    if (error instanceof SluiceError) return error;
    const text = isObject(error) ? String((error as { message?: unknown }).message) : describe(error);
    if (/WRONGTYPE/.test(text))
      return this.#unfit("has another program's data under this key; use another key", error);
    if (REFUSED.test(text))
      return this.#unfit(
        `does not permit what a shared limit needs (${text}); allow INFO, EVAL, EVALSHA, TIME, GET and SET on the keys sluice:limit:*`,
        error,
      );
    const isLost = /writeable|connection is closed|max retries/i.test(text);
    const last = isLost ? (this.#lastError?.message ?? "the connection was lost") : undefined;
    return new Error(`${this.#name}: ${last ?? text}`, { cause: error });
  }

  #unfit(what: string, cause?: unknown): SluiceError {
    return new SluiceError("REDIS_UNFIT", `${this.#name} ${what}`, { cause });
  }
}

/** A URL without its password, for messages. */
function publicUrl(url: string): string {
  try {
    const { protocol, username, host, pathname } = new URL(url);
    return `${protocol}//${username && `${username}@`}${host}${pathname}`;
  } catch {
    return url.includes("@") ? "the given address" : url;
  }
}
