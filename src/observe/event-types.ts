// The types of events, as lists.
import type { AnyEvent } from "./events.js";

/** The types of events that only a watched run emits. */
export const WATCHED_TYPES = ["run", "step", "item", "attempt", "gate"] as const;

export const EVENT_TYPES: readonly AnyEvent["type"][] = [
  ...WATCHED_TYPES,
  "data",
  "progress",
  "usage",
  "warning",
];
