/**
 * Merges single calls into bulk requests, on dataloader.
 *
 * @module sluice/batching
 */

export { type BatchCall, type BatchContext, type BatchedOptions, batched } from "./batched.js";
