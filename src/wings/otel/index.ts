/**
 * Runs as OpenTelemetry spans, and on Node's diagnostics channels.
 *
 * @module sluice/otel
 */

export { diagnostics } from "./diagnostics.js";
export { type OtelOptions, otel } from "./otel.js";
