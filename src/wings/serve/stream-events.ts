// Sends events of a run into its stream, throttled.
import { EventEmitter } from "eventemitter3";
import type { AnyEvent, ProgressEvent, RunEmitter, RunEvents } from "sluice";
import {
  BACKPRESSURE,
  backpressure,
  EVENT_TYPES,
  emitEvent,
  listenersOfRun,
  VALUES,
  type ValueSink,
} from "sluice/internal";
import type { EventStream } from "./event-stream.js";
import { toJson } from "./json.js";

type Listening = { readonly [VALUES]?: ValueSink | undefined };

/** The maximum of batches whose progress is tracked; the oldest is dropped first. */
const MOST_BATCHES = 100;

/**
 * Creates an emitter that sends a run's `data` and `progress` into a stream, and makes hooks that await `ctx.emit`
 * wait for the reader.
 *
 * @param every - The minimum milliseconds between two progress events of one batch. The last one is always sent; while
 * the reader is behind, only that one.
 * @param onFault - Called with the error of data that cannot be written as JSON.
 * @param emitter - Also gets all events.
 */
export function streamEvents(
  stream: EventStream,
  every: number,
  onFault: (error: unknown) => void,
  emitter: RunEmitter | undefined,
): { readonly events: RunEmitter; readonly flush: () => void } {
  const theirs = listenersOfRun(emitter);
  const events: RunEmitter = Object.assign(new EventEmitter<RunEvents>(), {
    [VALUES]: theirs && (theirs as Listening)[VALUES],
    [BACKPRESSURE]: () => stream.ready ?? (theirs && backpressure(theirs, undefined)),
  });
  const batches = new Map<string, { sentAt: number; held: ProgressEvent | undefined }>();

  const send = (event: ProgressEvent) => {
    const { path, done, failed, total, rate, remaining } = event;
    stream.send("progress", JSON.stringify({ path, done, failed, total, rate, remaining }));
  };
  const forget = (key: string) => {
    const held = batches.get(key)?.held;
    batches.delete(key);
    if (held !== undefined) send(held);
  };

  events.on("data", ({ data }) => {
    try {
      stream.send("data", toJson("ctx.emit()", data));
    } catch (error) {
      onFault(error);
    }
  });
  events.on("progress", (event) => {
    const key = JSON.stringify(event.path);
    const batch = batches.get(key);
    if (event.done === event.total) {
      batches.delete(key);
      send(event);
    } else if (batch !== undefined && (event.at - batch.sentAt < every || stream.ready !== undefined)) {
      batch.held = event;
    } else {
      send(event);
      batches.set(key, { sentAt: event.at, held: undefined });
      const [oldest] = batches.keys();
      if (batches.size > MOST_BATCHES && oldest !== undefined) forget(oldest);
    }
  });
  const flush = () => {
    for (const key of [...batches.keys()]) forget(key);
  };
  for (const type of EVENT_TYPES) {
    if (theirs !== undefined && theirs.listenerCount(type) > 0) {
      events.on(type, (event: AnyEvent) => emitEvent(theirs, event));
    }
  }
  return { events, flush };
}
