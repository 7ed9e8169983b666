// How a gate is known, of whichever build of sluice. Imports nothing.
import type { Gate } from "./gate.js";

/** Cross-build key of a gate. */
export const GATE = Symbol.for("sluice.gate");

/** Whether a value is a gate, of this build of sluice or another. */
export const isGate = (value: unknown): value is Gate =>
  typeof value === "object" && value !== null && GATE in value;
