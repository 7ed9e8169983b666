/**
 * Nodes, flows, batches and gates: the core of sluice.
 *
 * @module sluice
 */

export type { Awaitable } from "./base/awaitable.js";
export {
  type ErrorCode,
  type ErrorCodes,
  errorCodes,
  type Location,
  locate,
  SluiceError,
} from "./base/errors.js";
export type { SchemaIssue, SchemaResult, StandardSchema } from "./base/schema.js";
export type { WarningCode } from "./base/warnings.js";
export type { AskOptions, AskRequest } from "./engine/ask.js";
export type { Backoff, BackoffOptions } from "./engine/backoff.js";
export type { BudgetOptions } from "./engine/budget.js";
export type { Context, Params, RunOptions } from "./engine/context.js";
export {
  type AnswerDetails,
  Executor,
  type ExecutorAnswer,
} from "./engine/executor.js";
export type { ExecutorCall } from "./engine/executor-call.js";
export type { AttemptReport } from "./engine/executor-reports.js";
export { type Collected, ItemFailure, isFailure, type OnError } from "./engine/failure.js";
export type { BaseOptions, NodeOptions, RetryOptions, TriedOptions } from "./engine/settings.js";
export type { Action } from "./engine/step.js";
export type { EventOf, RunStream, StreamOptions, StreamType } from "./engine/stream.js";
export type { AdaptiveConcurrency } from "./gate/adaptive-limit.js";
export { Gate } from "./gate/gate.js";
export type { GateContext } from "./gate/gate-call.js";
export type { GateOptions, GateRunOptions, GateStats } from "./gate/gate-options.js";
export type { Rate } from "./gate/rate.js";
export { retryAfter } from "./gate/retry-after.js";
export {
  type LimitConflict,
  type LimitReply,
  type LimitRequest,
  type SharedAmount,
  type SharedBucket,
  SharedLimit,
  type SharedTerms,
} from "./gate/shared-limit.js";
export { type ActionOf, BaseNode, type Branches } from "./graph/base-node.js";
export {
  AsyncParallelBatchNode,
  AsyncParallelBatchNode as ParallelBatchNode,
  BatchNode,
  BatchNode as AsyncBatchNode,
  type BatchNodeOptions,
  type Items,
  type ParallelBatchNodeOptions,
} from "./graph/batch.js";
export {
  AsyncParallelBatchFlow,
  AsyncParallelBatchFlow as ParallelBatchFlow,
  BatchFlow,
  BatchFlow as AsyncBatchFlow,
  type BatchFlowOptions,
  type ParallelBatchFlowOptions,
} from "./graph/batch-flow.js";
export {
  chain,
  type DefinedNode,
  type NodeDefinition,
  node,
} from "./graph/define.js";
export { Flow, Flow as AsyncFlow, type FlowOptions } from "./graph/flow.js";
export { Node, Node as AsyncNode } from "./graph/node.js";
export { Parallel, type ParallelOptions, parallel } from "./graph/parallel.js";
export type { Around, Span } from "./observe/around.js";
export { emitter } from "./observe/emitter.js";
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
  UsageEvent,
  WarningEvent,
} from "./observe/events.js";
