// What a caller asks of its gates. Types only.
import type { Cancellation } from "../base/cancellation.js";
import type { GateLog } from "../observe/gate-log.js";
import type { Held, SlotCarrier } from "./held-slots.js";
import type { Passable } from "./passable.js";
import type { StallWatch } from "./stall.js";

/** How a call passes. */
export interface AcquireRequest {
  readonly gates: readonly Passable[];
  /** Tokens to reserve. */
  readonly tokens: number;
  /** The slots that the caller holds already; those of the same gates are borrowed. */
  readonly borrowedFrom: Held | undefined;
  readonly cancellation: Cancellation | undefined;
  /** Whether slots are taken and a refusal is waited out: for a leaf `exec`, not for a walk. */
  readonly slots: boolean;
  readonly carrier?: SlotCarrier | undefined;
  /** Whether the caller races the call against the abort, so that a wait that is abandoned need not settle. */
  readonly raced?: boolean | undefined;
  /** Reports waits; only where something listens. */
  readonly log?: GateLog | undefined;
  /** Reports that the vendor has refused the call, and the ms until it goes again. */
  readonly refused?: ((pause: number) => void) | undefined;
  /** Watches a call that may wait for its own caller. */
  readonly stall?: StallWatch | undefined;
  /** Called once, when the call is over. */
  readonly onOver?: (() => void) | undefined;
}
