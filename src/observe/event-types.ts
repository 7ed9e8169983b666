// The types of what a run tells, as a list.
import type { AnyEvent } from "./events.js";

export const EVENT_TYPES: readonly AnyEvent["type"][] = [
  "run",
  "step",
  "item",
  "attempt",
  "gate",
  "data",
  "progress",
  "usage",
  "warning",
];
