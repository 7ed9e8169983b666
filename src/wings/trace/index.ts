/**
 * Records runs in a file, for `sluice view` and `sluice trace`. For Node.
 *
 * @module sluice/trace
 */

export type { Redact } from "./plain.js";
export { recordTrace, type Trace, type TraceOptions } from "./record.js";
export type { PlainError, StoreLine, TraceLine } from "./trace-line.js";
