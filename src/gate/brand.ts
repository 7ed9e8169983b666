// How a gate is known, of whichever build of sluice.
import { GATE } from "../base/keys.js";
import { isObject } from "../base/realms.js";
import type { Gate } from "./gate.js";

/** Whether a value is a gate, of this build of sluice or another. */
export const isGate = (value: unknown): value is Gate => isObject(value) && GATE in value;

/** Whether a gate, or the limit of one, holds for several processes together. */
export const isSharedGate = (gate: unknown): boolean =>
  isObject(gate) && "shared" in gate && gate.shared !== undefined;
