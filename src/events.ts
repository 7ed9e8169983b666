// What a run tells to whoever listens, and how it is told so that no listener can harm the run.
import type { EventEmitter } from "eventemitter3";
import { show } from "./errors.js";
import { isThenable } from "./thenable.js";

/** What every event carries. */
interface RunEvent<Type extends string> {
  readonly type: Type;
  readonly runId: string;
  /** Names from the outermost flow to the node; a number is an iteration of a batch flow. */
  readonly path: readonly (string | number)[];
  /** The index of the batch item or of the nearest iteration. */
  readonly index: number | undefined;
  /** Milliseconds on the monotonic clock of `performance.now()`. */
  readonly at: number;
}

/** What a hook sent with `ctx.emit(data)`. */
export interface DataEvent extends RunEvent<"data"> {
  readonly data: unknown;
}

/** How far a batch is; sent for each item that ends. */
export interface ProgressEvent extends RunEvent<"progress"> {
  /** Items that have ended, failed ones included. */
  readonly done: number;
  /** Items that have failed. */
  readonly failed: number;
  /** All items; `undefined` while the iterable does not tell. */
  readonly total: number | undefined;
  /** Items that ended in each second so far. */
  readonly rate: number;
  /** Milliseconds to go at that rate; `undefined` without a total. */
  readonly remaining: number | undefined;
}

/** Something that is probably a mistake but stops nothing. */
export interface WarningEvent extends RunEvent<"warning"> {
  readonly code: WarningCode;
  readonly message: string;
}

/** What a listener threw or rejected with. */
export interface ListenerErrorEvent {
  readonly type: "listenerError";
  readonly error: unknown;
  /** The event that the listener was called with. */
  readonly event: DataEvent | ProgressEvent | WarningEvent;
}

/** The events of a run, for `new EventEmitter<RunEvents>()` of eventemitter3. */
export interface RunEvents {
  data: (event: DataEvent) => void;
  progress: (event: ProgressEvent) => void;
  warning: (event: WarningEvent) => void;
  listenerError: (event: ListenerErrorEvent) => void;
}

/** The emitter that `run(shared, { events })` takes. */
export type RunEmitter = EventEmitter<RunEvents>;

/** The `code` of a process warning that sluice prints. */
export type WarningCode =
  | "SLUICE_UNLINKED_ACTION"
  | "SLUICE_LINK_OVERWRITTEN"
  | "SLUICE_LINKS_NOT_FOLLOWED"
  | "SLUICE_GATE_STALLED"
  | "SLUICE_LISTENER_FAILED";

/** Warns through the process where there is one; library code never writes to the console. */
export function warn(code: WarningCode, message: string): void {
  const host = (globalThis as { process?: { emitWarning?: (text: string, options: object) => void } })
    .process;
  host?.emitWarning?.(message, { type: "SluiceWarning", code });
}

/**
 * Calls every listener of an event, with the emitter as `this`. What one throws or rejects with goes to
 * `listenerError`, and what a listener of that does, to the process.
 */
export function emitSafely(
  emitter: RunEmitter,
  event: DataEvent | ProgressEvent | WarningEvent | ListenerErrorEvent,
): void {
  // eventemitter3's own `emit` stops at the first listener that throws and lets rejections go unhandled.
  for (const listener of emitter.listeners(event.type)) {
    const failed = (error: unknown) => {
      if (event.type !== "listenerError" && emitter.listenerCount("listenerError") > 0) {
        emitSafely(emitter, { type: "listenerError", error, event });
      } else warn("SLUICE_LISTENER_FAILED", `A listener of \`${event.type}\` failed: ${describe(error)}`);
    };
    emitter.removeListener(event.type, listener, undefined, true); // taken off if it came by `once`
    try {
      const outcome: unknown = (listener as (event: unknown) => unknown).call(emitter, event);
      if (isThenable(outcome)) outcome.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }
}

/** Puts anything that was thrown into words; not everything has any. */
function describe(error: unknown): string {
  try {
    return String(error);
  } catch {
    return show(error);
  }
}
