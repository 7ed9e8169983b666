// The public surface of `sluice/trace`, and nothing else.

export type { PlainError } from "./plain-error.js";
export { recordTrace, type Trace, type TraceOptions } from "./record.js";
export type { TraceLine } from "./trace-line.js";
