// The public surface of `sluice/trace`, and nothing else.
export { recordTrace, type Trace, type TraceOptions } from "./record.js";
export type { PlainError, TraceLine } from "./trace-line.js";
