// The request of a call to its gates. Types only.
import type { Cancellation } from "../base/cancellation.js";
import type { GateLog } from "../observe/gate-log.js";
import type { Held, SlotCarrier } from "./held-slots.js";
import type { Passable } from "./passable.js";
import type { StallWatch } from "./stall.js";

/** A request to run a call under gates. */
export interface AcquireRequest {
  readonly gates: readonly Passable[];
  /** Tokens to reserve. */
  readonly tokens: number;
  /** The slots that the caller holds; those of the same gates are borrowed. */
  readonly borrowedFrom: Held | undefined;
  readonly cancellation: Cancellation | undefined;
  /** Whether the call takes slots and waits after a refusal: true for a leaf `exec`, false for a walk. */
  readonly slots: boolean;
  readonly carrier?: SlotCarrier | undefined;
  /** Whether the caller races the call against the abort, so that an abandoned wait need not settle. */
  readonly raced?: boolean | undefined;
  /** Reports waits, if there are listeners. */
  readonly log?: GateLog | undefined;
  /** Reports a refusal of the vendor, and the milliseconds until the next try. */
  readonly refused?: ((pause: number) => void) | undefined;
  /** Watches a call that may deadlock on its own caller. */
  readonly stall?: StallWatch | undefined;
  /** Called once, when the call is over. */
  readonly onOver?: (() => void) | undefined;
}
