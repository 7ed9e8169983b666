// sluice/internal: what sluice's own wings need beside the public surface. Unstable: it may change in any release.
export { after, isThenable, rethrow } from "./base/awaitable.js";
export { Cancellation } from "./base/cancellation.js";
export { describe, invalidOption, missingOption, quote, SluiceError, show, showPath } from "./base/errors.js";
export { hash, hashNumber, longHash } from "./base/hash.js";
export {
  BACKPRESSURE,
  BEGIN,
  EXECUTOR,
  GATE,
  HELD,
  JOURNAL,
  LISTENERS_OF_RUN,
  MIDDLE,
  MOVES,
  NODE,
  OTEL_SPAN,
  THREAD_POOL,
  VALUES,
  WALK,
} from "./base/keys.js";
export { type Named, nameOf } from "./base/name.js";
export { nearest } from "./base/nearest.js";
export {
  aBoolean,
  aCount,
  aCountOrInfinity,
  aDelay,
  aFunction,
  anObject,
  aPositiveNumber,
  aSignal,
  aString,
  aTimeout,
  aWholeNumber,
  checkOptions,
  isAmount,
  isPlainObject,
  oneOf,
  type Rule,
} from "./base/options.js";
export { builtInOf, isError, isObject } from "./base/realms.js";
export { aSchema, issuesOf, jsonSchemaOf } from "./base/schema.js";
export { warn } from "./base/warnings.js";
export { fitting } from "./engine/ask.js";
export { attempt } from "./engine/attempts.js";
export { type Call, executeItem, type Job } from "./engine/execute.js";
export type { OpenCall } from "./engine/executor-call.js";
export { idsOf, segmentOf } from "./engine/ids.js";
export type { BatchRecord, Journaling, RunJournal, WalkRecord } from "./engine/journal.js";
export { Links } from "./engine/links.js";
export { Run, runRules } from "./engine/run.js";
export { newScope, type Place, type Scope } from "./engine/scope.js";
export {
  makeSentAttempt,
  makeSentCall,
  type SentAttempt,
  type SentCall,
  type SentOutcome,
} from "./engine/sent-call.js";
export { type Settings, settingsOf } from "./engine/settings.js";
export type { Copies, Step, Wiring } from "./engine/step.js";
export type { StepContext } from "./engine/step-context.js";
export { walk } from "./engine/walk.js";
export { GateClock } from "./gate/gate-clock.js";
export { type Held, slotOf } from "./gate/held-slots.js";
export { type RequestScopes, scopesOn } from "./gate/request-scopes.js";
export { runNode } from "./graph/base-node.js";
export { batchRules, parallelRules } from "./graph/batch.js";
export { ItemFanOut } from "./graph/batch-items.js";
export { IterationFanOut } from "./graph/iterations.js";
export { EVENT_TYPES } from "./observe/event-types.js";
export { backpressure, emitEvent, listenersOfRun } from "./observe/events.js";
export { Room } from "./observe/room.js";
export type { ValueSink } from "./observe/values.js";
