// Recognises gates of any build of sluice.
import { GATE } from "../base/keys.js";
import { isObject } from "../base/realms.js";
import type { Gate } from "./gate.js";

/** Whether a value is a gate, of this build of sluice or another. */
export const isGate = (value: unknown): value is Gate => isObject(value) && GATE in value;

/** Whether several processes share a gate. */
export const isSharedGate = (gate: unknown): boolean =>
  isObject(gate) && "shared" in gate && gate.shared !== undefined;
