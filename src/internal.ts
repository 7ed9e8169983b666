// sluice/internal: what wings of ours need beside the public surface. Unstable: it may change in any release.
export { isThenable } from "./base/awaitable.js";
export { Cancellation } from "./base/cancellation.js";
export { invalidOption, quote, SluiceError, show } from "./base/errors.js";
export { hash } from "./base/hash.js";
export {
  BACKPRESSURE,
  GATE,
  HELD,
  MOVES,
  NODE,
  OTEL_SPAN,
  THREAD_POOL,
  WALK,
} from "./base/keys.js";
export { nameOf } from "./base/name.js";
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
export { warn } from "./base/warnings.js";
export { idsOf, segmentOf } from "./engine/ids.js";
export type { Step } from "./engine/step.js";
export { GateClock } from "./gate/gate-clock.js";
export { type RequestScopes, scopesOn } from "./gate/request-scopes.js";
export { holdSlot } from "./gate/scoped-slot.js";
export { Semaphore } from "./gate/semaphore.js";
export { EVENT_TYPES } from "./observe/event-types.js";
export { Room } from "./observe/room.js";
