// The types of the events of a run, as lists.
import type { AnyEvent } from "./events.js";

/** Of the parts of a run that have a start and an end, and of gates: only a run that is watched has these. */
export const WATCHED_TYPES = ["run", "step", "item", "attempt", "gate"] as const;

export const EVENT_TYPES: readonly AnyEvent["type"][] = [
  ...WATCHED_TYPES,
  "data",
  "progress",
  "usage",
  "warning",
];
