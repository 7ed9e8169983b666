// Threads as an executor: `exec` of a node runs in a thread, and everything else here.
import { isAbsolute } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { MessageChannel } from "node:worker_threads";
import { type Context, Executor, type ExecutorAnswer, type ExecutorCall } from "sluice";
import {
  aString,
  builtInOf,
  checkOptions,
  invalidOption,
  type OpenCall,
  type SentAttempt,
} from "sluice/internal";
import { callInThread } from "./call.js";
import type { FlowSource, FromExec } from "./call-node.js";
import { isThreadPool, sharedPool, type ThreadPool } from "./pool.js";

/** The options of a {@link ThreadExecutor}. */
export interface ThreadExecutorOptions {
  /** The threads to use. @default {@link sharedPool} */
  readonly pool?: ThreadPool | undefined;
  /** The export that is the flow, or a function that creates it. @default `createFlow`, `flow` or the default export */
  readonly name?: string | undefined;
  /** The argument of that function, which must be structured-cloneable. @default undefined */
  readonly deps?: unknown;
}

const rules = {
  pool: { expected: "a ThreadPool", accepts: isThreadPool },
  name: aString,
  deps: { expected: "data", accepts: () => true },
};

let executors = 0;

/**
 * Runs the `exec` of nodes in threads, so that CPU-bound work does not block the event loop, and uses all cores.
 *
 * Attempts, gates, timeouts and the fallback stay in this thread. Each thread creates the flow of a module once, and
 * calls `exec` of the node at the same place in it: input and result are copied (structured clone), `emit` and `charge`
 * reach the run, and `ask` does not work. An abort or a timeout ends the thread.
 *
 * @example
 * ```ts sketch
 * import { AsyncParallelBatchNode, Flow } from "sluice";
 * import { ThreadExecutor } from "sluice/threads";
 *
 * const executor = new ThreadExecutor(import.meta.url); // this module, which exports createFlow
 * class Hash extends AsyncParallelBatchNode<{ files: string[] }, string, string> {}
 * export const createFlow = () => new Flow(new Hash({ executor, concurrency: 16 }));
 * ```
 */
export class ThreadExecutor extends Executor {
  readonly #pool: ThreadPool;
  readonly #source: FlowSource;

  /**
   * @param module - The module of the flow: its URL, such as `import.meta.url`, or its absolute path.
   * @throws SluiceError `INVALID_OPTION`, `UNKNOWN_OPTION`. A call fails with the error of `exec` (with its fields, but
   * not its class), `UNLOADABLE`, `NOT_CLONEABLE`, `THREAD_DIED`, `POOL_CLOSED` or `MISSING_PEER`.
   */
  constructor(module: string | URL, options?: ThreadExecutorOptions) {
    super();
    checkOptions("ThreadExecutor", options, rules);
    const { pool = sharedPool, name, deps } = options ?? {};
    this.#pool = pool;
    this.#source = { url: urlOf(module), name, deps, id: ++executors };
  }

  override execute(call: ExecutorCall): Promise<ExecutorAnswer> {
    return call.local((input, ctx) => this.#call(call as OpenCall, input, ctx));
  }

  async #call(call: OpenCall, input: unknown, ctx: Context): Promise<unknown> {
    const { runId, key, path, index, identity, place, name } = call;
    const { attempt, lastError, params, signal, emit, charge } = ctx;
    const about = { runId, key, path, index, identity, attempt, isWatched: false, isMetered: false };
    const sent: SentAttempt = { ...about, params: { ...params }, lastError: plain(lastError), input };
    const { port1, port2 } = new MessageChannel();
    const ended = new Promise<void>((resolve) => {
      port1.on("message", (message: FromExec) => {
        if ("emit" in message) void emit(message.emit);
        else if ("charge" in message) charge(message.charge);
        else resolve();
      });
      port1.on("close", resolve);
    });
    try {
      const args = [this.#source, place, sent, port2];
      const task = { ...entry(), imports: this.#source.url, label: name, number: attempt + 1, args };
      const answer = await callInThread(this.#pool, { task, signal, transfer: [port2] });
      await ended;
      return (answer as { readonly value: unknown }).value;
    } finally {
      port1.close();
    }
  }
}

/** The thread's side, in the folder of this file. */
const entry = () => ({ url: new URL("./call-node.js", import.meta.url).href, name: "callNode" });

/** The error of the previous attempt, made cloneable: it keeps its message and its own fields with plain data. */
function plain(error: unknown): unknown {
  try {
    return structuredClone(error);
  } catch {
    return new Error(String(error));
  }
}

function urlOf(module: unknown): string {
  const text = builtInOf(module) === "URL" ? (module as URL).href : module;
  if (typeof text === "string" && isAbsolute(text)) return pathToFileURL(text).href;
  if (typeof text === "string" && text.startsWith("file:")) return pathToFileURL(fileURLToPath(text)).href;
  throw invalidOption(
    "ThreadExecutor",
    "module",
    "a module as a file: URL or an absolute path, such as import.meta.url",
    module,
  );
}
