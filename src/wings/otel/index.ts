// sluice/otel: the runs of flows as spans of OpenTelemetry, and on Node's diagnostics channels.
export { diagnostics } from "./diagnostics.js";
export { type OtelOptions, otel } from "./otel.js";
