/**
 * Few bulk requests of many single calls, over dataloader.
 *
 * @module sluice/batching
 */

export { type BatchCall, type BatchContext, type BatchedOptions, batched } from "./batched.js";
