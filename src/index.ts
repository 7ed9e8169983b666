// The public surface of sluice, and nothing else.
export type { Backoff, BackoffOptions } from "./backoff.js";
export { type ActionOf, BaseNode, type Branches } from "./base-node.js";
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
  AnyEvent,
  AttemptEvent,
  DataEvent,
  GateEvent,
  ItemEvent,
  ListenerErrorEvent,
  ProgressEvent,
  RunEmitter,
  RunEvent,
  RunEvents,
  StepEvent,
  WarningCode,
  WarningEvent,
} from "./events.js";
export { ItemFailure, isFailure } from "./failure.js";
export { Flow, Flow as AsyncFlow, type FlowOptions } from "./flow.js";
export {
  Gate,
  type GateOptions,
  type GateRunOptions,
  type GateStats,
} from "./gate/gate.js";
export type { GateContext } from "./gate/gate-call.js";
export type { Rate } from "./gate/rate.js";
export { retryAfter } from "./gate/retry-after.js";
export { Node, Node as AsyncNode } from "./node.js";
export type { BaseOptions, NodeOptions, RetryOptions } from "./node-options.js";
export type { Awaitable } from "./thenable.js";
export type { Action } from "./walk.js";
export type { Around, Span } from "./watch/around.js";
export type { EventOf, RunStream, StreamOptions, StreamType } from "./watch/stream.js";
