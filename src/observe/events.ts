// What a run reports to its listeners, and how, so that no listener can harm the run.
import type { EventEmitter } from "eventemitter3";
import { isThenable } from "../base/awaitable.js";
import { type Cancellation, waitFor } from "../base/cancellation.js";
import { describe } from "../base/errors.js";
import { BACKPRESSURE, LISTENERS_OF_RUN, VALUES } from "../base/keys.js";
import { type WarningCode, warn } from "../base/warnings.js";
import type { ValueSink } from "./values.js";

/** What every event carries. */
interface EventOf<Type extends string> {
  readonly type: Type;
  readonly runId: string;
  /** Names from the outermost flow to the node; a number is an iteration of a batch flow. */
  readonly path: readonly (string | number)[];
  /** The index of the batch item or of the nearest iteration. */
  readonly index: number | undefined;
  /** Milliseconds on the monotonic clock of `performance.now()`. */
  readonly at: number;
  /** The `id` of the step, item or attempt around it; `undefined` for the run, and where none of these has a listener. */
  readonly parent: number | undefined;
}

/** That a run, a step, an item or an attempt has begun. */
interface Start<Type extends string> extends EventOf<Type> {
  readonly phase: "start";
  /** Counted from 1 in each run, which is 1 itself; the same at the start and at the end. */
  readonly id: number;
}

/** How a run, a step, an item or an attempt has ended. */
interface End<Type extends string> extends EventOf<Type> {
  readonly phase: "end";
  readonly id: number;
  /** Milliseconds since its start. */
  readonly duration: number;
  /** `"aborted"` if an abort reached it before it ended, whatever it came to. */
  readonly outcome: "done" | "failed" | "aborted";
  /** What it threw; `undefined` where the outcome is `"done"`. */
  readonly error: unknown;
}

/** A whole run. */
export type RunEvent =
  | (Start<"run"> & {
      /** Milliseconds since 1970 at the moment of `at`. */
      readonly time: number;
      /** The flow or node that runs; for diagrams. */
      readonly node: object;
    })
  | (End<"run"> & {
      /** What `run()` resolves to. */
      readonly action: unknown;
    });

/** One visit of a node or of a nested flow: `prep` to `post`. */
export type StepEvent =
  | Start<"step">
  | (End<"step"> & {
      /** What `post` returned. */
      readonly action: unknown;
    });

/** One item of a batch node, or one iteration of a batch flow, with all its attempts and waits. */
export type ItemEvent =
  | Start<"item">
  | (End<"item"> & {
      /** How often it was tried. */
      readonly attempts: number;
    });

/**
 * One call of `exec`; of a flow's walk where the flow has attempts, a timeout or a gate. A call that a vendor
 * refused with 429 and that goes again has the same `attempt` number.
 */
export type AttemptEvent =
  | (Start<"attempt"> & {
      /** Counted from 0. */
      readonly attempt: number;
    })
  | (End<"attempt"> & {
      readonly attempt: number;
      /** Milliseconds until it is tried again; `undefined` when it is not. */
      readonly wait: number | undefined;
    });

/** What happens at a gate. Pauses are reported to every run that has used the gate, with the path of the run. */
export type GateEvent = EventOf<"gate"> & {
  /** `new Gate({ name })`; `undefined` without one, and for the private gate of a `rate`. */
  readonly gate: string | undefined;
} & (
    | {
        /** A call has to wait for a slot, for permits or for the end of a pause. */
        readonly phase: "waiting";
      }
    | {
        /** That call goes on. */
        readonly phase: "entered";
        /** Milliseconds since `"waiting"`. */
        readonly waited: number;
      }
    | {
        /** The vendor has refused a call, and no call starts for a while. */
        readonly phase: "paused";
        /** The end of the pause, on the clock of `at`. */
        readonly until: number;
      }
    | {
        /** The first call after a pause starts. */
        readonly phase: "resumed";
      }
  );

/** What a hook sent with `ctx.emit(data)`. */
export interface DataEvent extends EventOf<"data"> {
  readonly data: unknown;
}

/** How far a batch is; sent for each item that ends. */
export interface ProgressEvent extends EventOf<"progress"> {
  /** Items that have ended, failed ones included. */
  readonly done: number;
  /** Items that have failed. */
  readonly failed: number;
  /** All items; `undefined` while it is not known. */
  readonly total: number | undefined;
  /** Items that ended in each second so far. */
  readonly rate: number;
  /** Milliseconds to go at that rate; `undefined` without a total. */
  readonly remaining: number | undefined;
}

/** What a run has used so far; sent after each call of `exec`, unless the vendor refused it. */
export interface UsageEvent extends EventOf<"usage"> {
  /** Calls that have ended. */
  readonly calls: number;
  /** Tokens that they charged, or else reserved by `cost()`. */
  readonly tokens: number;
}

/** Something that is probably a mistake but stops nothing. */
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

/** What a listener threw or rejected with. */
export interface ListenerErrorEvent {
  readonly type: "listenerError";
  readonly error: unknown;
  /** The event that the listener was called with. */
  readonly event: AnyEvent;
}

/**
 * The events of a run, for `new EventEmitter<RunEvents>()` of eventemitter3. Which of `run`, `step`, `item`,
 * `attempt` and `gate` are emitted is settled when the run begins: listen before.
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
  /** Something is probably a mistake. */
  warning: (event: WarningEvent) => void;
  /** A listener has failed. */
  listenerError: (event: ListenerErrorEvent) => void;
}

/** The emitter that `run(shared, { events })` takes. */
export type RunEmitter = EventEmitter<RunEvents>;

/** What the engine asks of an emitter. */
export type Listeners = Pick<RunEmitter, "listeners" | "listenerCount" | "removeListener"> & {
  /** Listeners themselves are never waited for, since one that hangs must not hold a run. */
  [BACKPRESSURE]?(): Promise<void> | undefined;
  [LISTENERS_OF_RUN]?(): Listeners;
  readonly [VALUES]?: ValueSink | undefined;
};

/** What a run emits to, given the emitter of its options; called once for each run. */
export const listenersOfRun = <L extends Listeners>(emitter: L | undefined): L | undefined =>
  (emitter?.[LISTENERS_OF_RUN]?.() as L | undefined) ?? emitter;

const ignore = () => {};

/** What a sender waits for while the reader is behind; an abort lets it go. `undefined` when there is nothing. */
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
 * Calls every listener of an event, with the emitter as `this`. What one throws or rejects with goes to
 * `listenerError`, and what a listener of that does, to the process.
 */
export function emitEvent(emitter: Listeners, event: AnyEvent | ListenerErrorEvent): void {
  // eventemitter3's own `emit` stops at the first listener that throws and lets rejections go unhandled.
  for (const listener of emitter.listeners(event.type)) {
    const failed = (error: unknown) => {
      if (event.type !== "listenerError" && listensTo(emitter, "listenerError")) {
        emitEvent(emitter, { type: "listenerError", error, event });
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
