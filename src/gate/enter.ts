// Marks gates during the synchronous part of a call, to detect nested calls.
import type { Passable } from "./passable.js";

/** Marks the gates during the synchronous part of a call, in which a nested call can be detected. */
export function enter<T>(gates: readonly Passable[], call: () => T): T {
  for (const gate of gates) gate.entered++;
  try {
    return call();
  } finally {
    for (const gate of gates) gate.entered--;
  }
}
