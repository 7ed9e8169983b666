/**
 * Flows behind HTTP, and a node that calls them. Imports nothing from `node:`.
 *
 * @module sluice/serve
 */

export type { SchemaIssue, SchemaResult, StandardSchema } from "sluice";
export { createHandler } from "./handler.js";
export type { Handler, HandlerOptions } from "./handler-options.js";
export type { HandlerLimits } from "./limits.js";
export type { Origins } from "./origins.js";
export { type Issue, Refusal, type RefusalOptions } from "./refusal.js";
export { type RemoteOptions, remote } from "./remote.js";
export { RemoteError } from "./remote-error.js";
export type { HandlerJournal, HandlerRuns } from "./runs.js";
