// ThreadPool: Piscina's threads behind one queue, started on demand and ended when idle.
import { availableParallelism } from "node:os";
import { argv, emitWarning, execArgv, features, versions } from "node:process";
import type { Piscina } from "piscina";
import { Gate } from "sluice";
import {
  aCount,
  aDelay,
  anObject,
  aPositiveNumber,
  checkOptions,
  type Rule,
  SluiceError,
  THREAD_POOL,
} from "sluice/internal";
import "./error-codes.js";
import { missingPeer } from "../shared/missing-peer.js";
import { notStarted, type Outcome, type Task } from "./task.js";
import { type ThreadFile, threadFile } from "./thread-file.js";

declare global {
  // As in @types/node and in lib.esnext.disposable, so that the published types need neither.
  interface SymbolConstructor {
    readonly dispose: unique symbol;
    readonly asyncDispose: unique symbol;
  }
}

/**
 * The limits of one thread; a thread that runs out of memory dies without the process. They apply only on Node: Bun
 * ignores them, and on Deno a call that reaches one never ends.
 */
export interface ResourceLimits {
  /** The heap of long-lived objects, in MB, at least 3. @default V8's own */
  readonly maxOldGenerationSizeMb?: number | undefined;
  /** The heap of young objects, in MB. @default V8's own */
  readonly maxYoungGenerationSizeMb?: number | undefined;
  /** Memory for generated code, in MB. @default V8's own */
  readonly codeRangeSizeMb?: number | undefined;
  /** The stack, in MB. @default 4 */
  readonly stackSizeMb?: number | undefined;
}

/** The options of a {@link ThreadPool}. */
export interface ThreadPoolOptions {
  /** The largest number of threads. @default the number of cores of this process */
  readonly threads?: number | undefined;
  /** Milliseconds for which an idle thread is kept. @default 10_000 */
  readonly idle?: number | undefined;
  /** The limits of each thread. @default only V8's own */
  readonly resourceLimits?: ResourceLimits | undefined;
}

/** What {@link ThreadPool.stats} returns. */
export interface PoolStats {
  /** Living threads, busy or idle. */
  readonly threads: number;
  /** Running calls. */
  readonly running: number;
  /** Calls that wait for a thread. */
  readonly waiting: number;
}

/** The options of one task. */
export interface TaskOptions {
  readonly transfer: readonly object[];
  /** The caller's signal, which removes the task from the queue, or ends its thread. */
  readonly signal: AbortSignal | undefined;
  /** Another reason to end the thread. */
  readonly stop?: AbortSignal | undefined;
}

const poolRules = { threads: aCount, idle: aDelay, resourceLimits: anObject };
/** With less a thread does not only fail to start: from Node 22 on it ends the process. */
const aHeap: Rule = {
  expected: "a number of megabytes, at least 3",
  accepts: (value) => aPositiveNumber.accepts(value) && (value as number) >= 3,
};
const limitRules: Record<keyof ResourceLimits, Rule> = {
  maxOldGenerationSizeMb: aHeap,
  maxYoungGenerationSizeMb: aPositiveNumber,
  codeRangeSizeMb: aPositiveNumber,
  stackSizeMb: aPositiveNumber,
};

/** A gate without limits; calls with its context are not watched for deadlocks. */
const unlimited = new Gate();

/**
 * Threads that run the functions of {@link asyncify}, one call per thread at a time, in order of arrival.
 *
 * A pool starts threads on demand, ends idle ones, replaces those that died or were aborted, and never keeps the
 * process alive.
 *
 * @example
 * ```ts
 * import { asyncify, ThreadPool } from "sluice/threads";
 *
 * const pool = new ThreadPool({ threads: 2, resourceLimits: { maxOldGenerationSizeMb: 64 } });
 * const square = asyncify((n: number) => n * n, { pool });
 * await square(7); // => 49
 * await pool.close();
 * ```
 */
export class ThreadPool {
  readonly #settings: {
    readonly maxThreads: number;
    readonly idleTimeout: number;
    readonly resourceLimits: object;
  };
  readonly #slots: Gate;
  readonly #ended = new Set<(error: unknown) => void>();
  readonly #pending = new Set<Promise<unknown>>();
  #piscina: Promise<Piscina> | undefined;
  #file: ThreadFile | undefined;
  /** Whether a thread has ever started; until then a failure is not due to a call. */
  #hasStarted = false;
  #threads: () => number = () => 0;
  #closed: Promise<void> | undefined;

  /** @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(options: ThreadPoolOptions = {}) {
    checkOptions("ThreadPool", options, poolRules);
    checkOptions("ThreadPool, resourceLimits", options.resourceLimits, limitRules);
    const { threads = availableParallelism(), idle = 10_000, resourceLimits = {} } = options;
    this.#settings = { maxThreads: threads, idleTimeout: idle, resourceLimits };
    // An error with status 429 in a function is not a refusal of this gate.
    this.#slots = new Gate({ concurrency: threads, retryAfter: () => false });
  }

  /** The current state of the pool. */
  stats(): PoolStats {
    const { running, waiting } = this.#slots.stats();
    return { threads: this.#threads(), running, waiting };
  }

  /** Ends the threads when the calls so far have ended. Later calls reject with `POOL_CLOSED`. */
  close(): Promise<void> {
    this.#closed ??= Promise.allSettled(this.#pending).then(async () => {
      await (await this.#piscina?.catch(() => undefined))?.destroy();
      this.#file?.release();
    });
    return this.#closed;
  }

  /** Closes the pool at the end of an `await using` block, which waits for the calls made so far. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Closes the pool at the end of a `using` block, without waiting. */
  [Symbol.dispose](): void {
    this.close().catch(() => {});
  }

  /** @internal Runs a task in a thread. */
  run(task: Task, options: TaskOptions): Promise<Outcome> {
    if (this.#closed !== undefined) return Promise.reject(closed(task));
    const { signal, stop } = options;
    const work = unlimited.run(
      (ctx) => this.#slots.run((slot) => this.#call(task, options, slot), { ctx, signal: stop }),
      { signal },
    );
    this.#pending.add(work);
    const forget = () => void this.#pending.delete(work);
    work.then(forget, forget);
    return work;
  }

  async #call(task: Task, { transfer, signal, stop }: TaskOptions, slot: { signal: AbortSignal }) {
    const piscina = await (this.#piscina ??= this.#open(task));
    const options = { transferList: transfer as never, ...((signal ?? stop) && { signal: slot.signal }) };
    const isFault = () => this.#hasStarted || signal?.aborted || stop?.aborted;
    return await new Promise<Outcome>((resolve, reject) => {
      const end = (error: unknown) => reject(notStarted(error, task));
      this.#ended.add(end);
      piscina
        .run(task, options)
        .then(resolve, (error) => (isFault() ? reject(error) : end(error)))
        .finally(() => this.#ended.delete(end));
    });
  }

  async #open(task: Task): Promise<Piscina> {
    try {
      const { Piscina } = await import("piscina").catch((error) => {
        throw missingPeer("sluice/threads", "piscina", error);
      });
      this.#file ??= threadFile();
      // A thread inherits the flags of the process, but cannot start with this one.
      const flags = execArgv.some((flag) => flag.startsWith("--input-type")) ? { execArgv: [] } : {};
      const filename = this.#file.path;
      const workerData = { readsTypeScript: readsTypeScript() };
      return this.#watch(
        new Piscina({ ...this.#settings, ...flags, filename, name: "run", minThreads: 0, workerData }),
      );
    } catch (error) {
      this.#piscina = undefined;
      throw error instanceof SluiceError ? error : notStarted(error, task);
    }
  }

  #watch(piscina: Piscina): Piscina {
    this.#threads = () => piscina.threads.length;
    piscina.on("workerCreate", () => {
      this.#hasStarted = true;
    });
    // Piscina reports threads that died without a call here, mostly because they could not start.
    piscina.on("error", (error: unknown) => {
      const isLast = piscina.threads.length === 0 && this.#ended.size > 0;
      if (isLast || !this.#hasStarted) for (const end of [...this.#ended]) end(error);
      else warnOf("SLUICE_THREAD_DIED", `A thread without a call died: ${String(error)}`);
    });
    piscina.on("message", ({ stray, label }: { stray?: string; label?: string }) => {
      if (stray === undefined) return;
      const text = `${label} left work behind that failed after the call had ended: ${stray}; await it in the function`;
      warnOf("SLUICE_STRAY_FAILURE", text);
    });
    return piscina;
  }
}

/** Whether the runtime itself reads the TypeScript of this program, so that its threads need no tsx. */
function readsTypeScript(): boolean {
  if (versions.bun !== undefined || versions.deno !== undefined) return true;
  return (
    "typescript" in features && Boolean(features.typescript) && /\.[cm]?ts$/.test(argv[1] ?? "") && !usesTsx()
  );
}
const usesTsx = (): boolean => execArgv.some((flag) => /(^|[/\\=])tsx($|[/\\])/.test(flag));

const warnOf = (code: string, text: string) => emitWarning(text, { type: "SluiceWarning", code });

Object.defineProperty(ThreadPool.prototype, THREAD_POOL, { value: true });

/** Recognises a pool, of any build of sluice. */
export const isThreadPool = (value: unknown): value is ThreadPool =>
  typeof value === "object" && value !== null && THREAD_POOL in value;

const closed = ({ label }: Task): SluiceError =>
  new SluiceError("POOL_CLOSED", `${label} was called after its ThreadPool was closed; close the pool last`);

/** The default pool, with up to one thread per core. */
export const sharedPool = new ThreadPool();
