// ThreadPool: Piscina's threads behind one queue, made when they are needed and gone when they are not.
import { availableParallelism } from "node:os";
import { emitWarning, execArgv } from "node:process";
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
  // As in @types/node and in lib.esnext.disposable: the published types are to do without either.
  interface SymbolConstructor {
    readonly dispose: unique symbol;
    readonly asyncDispose: unique symbol;
  }
}

/**
 * Limits of one thread; a thread that runs out of memory dies, and the process lives on. They hold on Node only: Bun
 * ignores them, and on Deno a call that reaches one never ends.
 */
export interface ResourceLimits {
  /** The heap of long-lived objects, in MB. @default V8's own */
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
  /** Threads alive, with work or without. */
  readonly threads: number;
  /** Calls in a thread. */
  readonly running: number;
  /** Calls that wait for a thread. */
  readonly waiting: number;
}

/** How one task runs. */
export interface TaskOptions {
  readonly transfer: readonly object[];
  /** The caller's: it takes the task out of the queue, or ends its thread. */
  readonly signal: AbortSignal | undefined;
  /** Another reason to end the thread. */
  readonly stop?: AbortSignal | undefined;
}

const poolRules = { threads: aCount, idle: aDelay, resourceLimits: anObject };
const limitRules: Record<keyof ResourceLimits, Rule> = {
  maxOldGenerationSizeMb: aPositiveNumber,
  maxYoungGenerationSizeMb: aPositiveNumber,
  codeRangeSizeMb: aPositiveNumber,
  stackSizeMb: aPositiveNumber,
};

/** A gate without limits; a call that it lends its context to is not watched for waiting on itself. */
const unlimited = new Gate();

/**
 * Threads that run the functions of {@link asyncify}, one call each at a time, first come, first served.
 *
 * A pool starts a thread when a call needs one, ends it when it was idle, replaces one that died or was
 * aborted, and never keeps the process alive by itself.
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
  /** Whether a thread has ever started; until then no failure is the fault of a call. */
  #hasStarted = false;
  #threads: () => number = () => 0;
  #closed: Promise<void> | undefined;

  /** @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`. */
  constructor(options: ThreadPoolOptions = {}) {
    checkOptions("ThreadPool", options, poolRules);
    checkOptions("ThreadPool, resourceLimits", options.resourceLimits, limitRules);
    const { threads = availableParallelism(), idle = 10_000, resourceLimits = {} } = options;
    this.#settings = { maxThreads: threads, idleTimeout: idle, resourceLimits };
    // A vendor's 429 inside a function is that function's own affair.
    this.#slots = new Gate({ concurrency: threads, retryAfter: () => false });
  }

  /** The current state of the pool. */
  stats(): PoolStats {
    const { running, waiting } = this.#slots.stats();
    return { threads: this.#threads(), running, waiting };
  }

  /** Ends the threads once the calls made so far have ended. Later calls are refused with `POOL_CLOSED`. */
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

  /** Closes the pool at the end of a `using` block, which waits for nothing. */
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
      // A thread inherits the process's own flags; of them all, this one it cannot start with.
      const flags = execArgv.some((flag) => flag.startsWith("--input-type")) ? { execArgv: [] } : {};
      const filename = this.#file.path;
      return this.#watch(new Piscina({ ...this.#settings, ...flags, filename, name: "run", minThreads: 0 }));
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
    // Piscina reports here a thread that died without a call: one that could not start, mostly.
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

const warnOf = (code: string, text: string) => emitWarning(text, { type: "SluiceWarning", code });

Object.defineProperty(ThreadPool.prototype, THREAD_POOL, { value: true });

/** Recognises a pool, of any build of sluice. */
export const isThreadPool = (value: unknown): value is ThreadPool =>
  typeof value === "object" && value !== null && THREAD_POOL in value;

const closed = ({ label }: Task): SluiceError =>
  new SluiceError("POOL_CLOSED", `${label} was called after its ThreadPool was closed; close the pool last`);

/** The pool of every function that names no other. It has a thread for each core. */
export const sharedPool = new ThreadPool();
