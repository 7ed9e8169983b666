// The public surface of `sluice/batching`, and nothing else.
export { type BatchCall, type BatchContext, type BatchedOptions, batched } from "./batched.js";
