/**
 * Blocking work in threads, on piscina. For Node.
 *
 * @module sluice/threads
 */

export {
  type AnyFunction,
  type Asyncified,
  type AsyncifyOptions,
  asyncify,
  type ThreadArguments,
  type ThreadResult,
} from "./asyncify.js";
export type { ThreadCall } from "./call.js";
export { ThreadExecutor, type ThreadExecutorOptions } from "./executor.js";
export { move } from "./move.js";
export {
  type PoolStats,
  type ResourceLimits,
  sharedPool,
  ThreadPool,
  type ThreadPoolOptions,
} from "./pool.js";
