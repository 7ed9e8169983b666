// The mark of a gate whose holder is at work, where a nested call can be seen.
import type { Passable } from "./passable.js";

/** Marks the gates while a call runs its first, synchronous part, where a nested call can be seen. */
export function enter<T>(gates: readonly Passable[], call: () => T): T {
  for (const gate of gates) gate.entered++;
  try {
    return call();
  } finally {
    for (const gate of gates) gate.entered--;
  }
}
