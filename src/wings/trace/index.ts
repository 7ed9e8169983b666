// The public surface of `sluice/trace`, and nothing else.

export type { Redact } from "./plain.js";
export { recordTrace, type Trace, type TraceOptions } from "./record.js";
export type { PlainError, StoreLine, TraceLine } from "./trace-line.js";
