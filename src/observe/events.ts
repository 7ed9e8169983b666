// The events of a run, and their emission, which protects the run from its listeners.
import type { EventEmitter } from "eventemitter3";
import { isThenable } from "../base/awaitable.js";
import { type Cancellation, waitFor } from "../base/cancellation.js";
import { describe } from "../base/errors.js";
import { BACKPRESSURE, LISTENERS_OF_RUN, VALUES } from "../base/keys.js";
import { type WarningCode, warn } from "../base/warnings.js";
import type { ValueSink } from "./values.js";

/** The fields of every event. */
interface EventOf<Type extends string> {
  readonly type: Type;
  readonly runId: string;
  /** Names from the outermost flow to the node; a number is an iteration of a batch flow. */
  readonly path: readonly (string | number)[];
  /** The index of the batch item or of the nearest iteration. */
  readonly index: number | undefined;
  /** Milliseconds on the monotonic clock of `performance.now()`. */
  readonly at: number;
  /** The `id` of the parent step, item or attempt; `undefined` for the run, and without listeners for these. */
  readonly parent: number | undefined;
}

/** The start of a run, a step, an item or an attempt. */
interface Start<Type extends string> extends EventOf<Type> {
  readonly phase: "start";
  /** Counted from 1, the run itself; the same at the start and at the end. */
  readonly id: number;
}

/** The end of a run, a step, an item or an attempt. */
interface End<Type extends string> extends EventOf<Type> {
  readonly phase: "end";
  readonly id: number;
  /** Milliseconds since its start. */
  readonly duration: number;
  /** `"aborted"` if an abort came before its end. */
  readonly outcome: "done" | "failed" | "aborted";
  /** Its error; `undefined` if the outcome is `"done"`. */
  readonly error: unknown;
}

/** A whole run. */
export type RunEvent =
  | (Start<"run"> & {
      /** Milliseconds since 1970 at the moment of `at`. */
      readonly time: number;
      /** The flow or node that runs, for diagrams. */
      readonly node: object;
    })
  | (End<"run"> & {
      /** The result of `run()`. */
      readonly action: unknown;
    });

/** One visit of a node or of a nested flow: `prep` to `post`. */
export type StepEvent =
  | Start<"step">
  | (End<"step"> & {
      /** The action that `post` returned. */
      readonly action: unknown;
    });

/** One item of a batch node, or one iteration of a batch flow, with all its attempts and waits. */
export type ItemEvent =
  | Start<"item">
  | (End<"item"> & {
      /** The number of attempts. */
      readonly attempts: number;
    });

/**
 * One call of `exec`, or one walk of a flow with attempts, a timeout or a gate. The next try after a 429 has the same
 * `attempt` number.
 */
export type AttemptEvent =
  | (Start<"attempt"> & {
      /** Counted from 0. */
      readonly attempt: number;
    })
  | (End<"attempt"> & {
      readonly attempt: number;
      /** Milliseconds until the next attempt; `undefined` if there is none. */
      readonly wait: number | undefined;
    });

/** An event of a gate. Pauses are reported to every run that has used the gate, with the path of the run. */
export type GateEvent = EventOf<"gate"> & {
  /** `new Gate({ name })`; `undefined` without one, and for the private gate of a `rate`. */
  readonly gate: string | undefined;
} & (
    | {
        /** A call has to wait for a slot, for permits or for the end of a pause. */
        readonly phase: "waiting";
      }
    | {
        /** The call has ended its wait. */
        readonly phase: "entered";
        /** Milliseconds since `"waiting"`. */
        readonly waited: number;
      }
    | {
        /** The vendor has refused a call, and no call starts until the end of the pause. */
        readonly phase: "paused";
        /** The end of the pause, on the clock of `at`. */
        readonly until: number;
      }
    | {
        /** The first call after a pause starts. */
        readonly phase: "resumed";
      }
  );

/** Data that a hook sent with `ctx.emit(data)`. */
export interface DataEvent extends EventOf<"data"> {
  readonly data: unknown;
}

/** The progress of a batch; sent when an item ends. */
export interface ProgressEvent extends EventOf<"progress"> {
  /** Items that have ended, failed ones included. */
  readonly done: number;
  /** Items that have failed. */
  readonly failed: number;
  /** The number of items; `undefined` while unknown. */
  readonly total: number | undefined;
  /** Average items per second so far. */
  readonly rate: number;
  /** Estimated milliseconds left at that rate; `undefined` without a total. */
  readonly remaining: number | undefined;
}

/** The usage of a run so far; sent after each call of `exec`, unless the vendor refused it. */
export interface UsageEvent extends EventOf<"usage"> {
  /** Calls that have ended. */
  readonly calls: number;
  /** Tokens that they charged, or otherwise reserved by `cost()`. */
  readonly tokens: number;
}

/** A warning about a probable mistake. */
export interface WarningEvent extends EventOf<"warning"> {
  readonly code: WarningCode;
  readonly message: string;
}

/** An event of a run. */
export type AnyEvent =
  | RunEvent
  | StepEvent
  | ItemEvent
  | AttemptEvent
  | GateEvent
  | DataEvent
  | ProgressEvent
  | UsageEvent
  | WarningEvent;

/** The failure of a listener. */
export interface ListenerErrorEvent {
  readonly type: "listenerError";
  readonly error: unknown;
  /** The event that the listener was called with. */
  readonly event: AnyEvent;
}

/**
 * The events of a run, for `new EventEmitter<RunEvents>()` of eventemitter3. Whether `run`, `step`, `item`, `attempt`
 * and `gate` are emitted is decided when the run begins, so listen before.
 */
export interface RunEvents {
  /** A run begins or ends. */
  run: (event: RunEvent) => void;
  /** A node or a nested flow begins or ends, from `prep` to `post`. */
  step: (event: StepEvent) => void;
  /** An item of a batch, or an iteration of a batch flow, begins or ends. */
  item: (event: ItemEvent) => void;
  /** One call of `exec` begins or ends. */
  attempt: (event: AttemptEvent) => void;
  /** A call waits at a gate or enters it, or the gate pauses or resumes. */
  gate: (event: GateEvent) => void;
  /** A hook called `ctx.emit`. */
  data: (event: DataEvent) => void;
  /** An item of a batch has ended. */
  progress: (event: ProgressEvent) => void;
  /** The totals of the run have changed. */
  usage: (event: UsageEvent) => void;
  /** The run warns about a probable mistake. */
  warning: (event: WarningEvent) => void;
  /** A listener has failed. */
  listenerError: (event: ListenerErrorEvent) => void;
}

/** The type of the option `events` of a run. */
export type RunEmitter = EventEmitter<RunEvents>;

/** The part of an emitter that the engine uses. */
export type Listeners = Pick<RunEmitter, "listeners" | "listenerCount" | "removeListener"> & {
  /** What `emit` waits for. Listeners are never awaited, because one that hangs must not block a run. */
  [BACKPRESSURE]?(): Promise<void> | undefined;
  [LISTENERS_OF_RUN]?(): Listeners;
  readonly [VALUES]?: ValueSink | undefined;
};

/** The listeners of a run, from the emitter in its options; called once per run. */
export const listenersOfRun = <L extends Listeners>(emitter: L | undefined): L | undefined =>
  (emitter?.[LISTENERS_OF_RUN]?.() as L | undefined) ?? emitter;

const ignore = () => {};

/** The wait of a sender for a slow reader; an abort ends it. `undefined` if there is nothing to wait for. */
export function backpressure(
  emitter: Listeners,
  cancellation: Cancellation | undefined,
): Promise<void> | undefined {
  const hold = emitter[BACKPRESSURE]?.();
  if (hold === undefined || cancellation === undefined) return hold;
  const ready = waitFor<void>(cancellation, (resolve) => {
    hold.then(resolve, resolve as () => void);
    return ignore;
  });
  return ready.catch(ignore);
}

/** Whether an emitter has listeners of a type. */
export const listensTo = (emitter: Listeners | undefined, type: keyof RunEvents): emitter is Listeners =>
  emitter !== undefined && emitter.listenerCount(type) > 0;

/**
 * Calls every listener of an event, with the emitter as `this`. Its errors and rejections go to `listenerError`, and
 * those of `listenerError` to the process.
 */
export function emitEvent(emitter: Listeners, event: AnyEvent | ListenerErrorEvent): void {
  // eventemitter3's `emit` stops at the first listener that throws, and leaves rejections unhandled.
  for (const listener of emitter.listeners(event.type)) {
    const failed = (error: unknown) => {
      if (event.type !== "listenerError" && listensTo(emitter, "listenerError")) {
        emitEvent(emitter, { type: "listenerError", error, event });
      } else warn("SLUICE_LISTENER_FAILED", `A listener of \`${event.type}\` failed: ${describe(error)}`);
    };
    emitter.removeListener(event.type, listener, undefined, true); // removed if added by `once`
    try {
      const outcome: unknown = (listener as (event: unknown) => unknown).call(emitter, event);
      if (isThenable(outcome)) outcome.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }
}
