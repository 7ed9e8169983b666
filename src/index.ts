// The public surface of sluice, and nothing else.
export type { Backoff, BackoffOptions } from "./backoff.js";
export { type ActionOf, BaseNode, type BaseOptions, type Branches, type NodeOptions } from "./base-node.js";
export {
  AsyncParallelBatchNode,
  AsyncParallelBatchNode as ParallelBatchNode,
  BatchNode,
  BatchNode as AsyncBatchNode,
  type BatchNodeOptions,
  type Items,
  type ParallelBatchNodeOptions,
} from "./batch.js";
export {
  AsyncParallelBatchFlow,
  AsyncParallelBatchFlow as ParallelBatchFlow,
  BatchFlow,
  BatchFlow as AsyncBatchFlow,
  type BatchFlowOptions,
  type ParallelBatchFlowOptions,
} from "./batch-flow.js";
export type { Context, Params, RunOptions } from "./context.js";
export {
  chain,
  type DefinedNode,
  type NodeDefinition,
  node,
  Parallel,
  type ParallelOptions,
  parallel,
} from "./define.js";
export { type ErrorCode, errorCodes, type Location, locate, SluiceError } from "./errors.js";
export type {
  DataEvent,
  ListenerErrorEvent,
  ProgressEvent,
  RunEmitter,
  RunEvents,
  WarningCode,
  WarningEvent,
} from "./events.js";
export { ItemFailure, isFailure } from "./failure.js";
export { Flow, Flow as AsyncFlow, type FlowOptions } from "./flow.js";
export {
  Gate,
  type GateContext,
  type GateOptions,
  type GateRunOptions,
  type GateStats,
} from "./gate/gate.js";
export type { Rate } from "./gate/rate.js";
export { retryAfter } from "./gate/retry-after.js";
export { Node, Node as AsyncNode } from "./node.js";
export type { RetryOptions } from "./retry.js";
export type { Awaitable } from "./thenable.js";
export type { Action } from "./walk.js";
