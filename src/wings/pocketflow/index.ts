/**
 * The classes of PocketFlow's TypeScript version, on the engine of sluice.
 *
 * @module sluice/pocketflow
 */

export { type Action, BaseNode, type NonIterableObject } from "./base-node.js";
export { BatchNode, ParallelBatchNode } from "./batch-node.js";
export { BatchFlow, Flow, ParallelBatchFlow } from "./flow.js";
export { Node } from "./node.js";
