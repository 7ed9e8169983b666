import { tmpdir } from "node:os";
import { join } from "node:path";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { EventEmitter } from "eventemitter3";
import type { Action, Around, Flow, RunEvents, RunOptions, StreamType } from "sluice";
import { diagnostics, otel } from "sluice/otel";
import { recordTrace } from "sluice/trace";

/** Runs a flow while something watches it. */
export type WatchedRun = <S>(flow: Flow<S>, shared: S, options?: RunOptions) => Promise<Action>;

const TYPES: readonly StreamType[] = [
  "run",
  "step",
  "item",
  "attempt",
  "gate",
  "data",
  "progress",
  "warning",
];

const listening =
  (...types: readonly StreamType[]): WatchedRun =>
  (flow, shared, options) => {
    const events = new EventEmitter<RunEvents>();
    for (const type of types) events.on(type, () => {});
    return flow.run(shared, { ...options, events });
  };

const wrapped =
  (...hooks: readonly Around[]): WatchedRun =>
  (flow, shared, options) =>
    flow.run(shared, { ...options, around: hooks });

const streamed =
  (types?: readonly StreamType[]): WatchedRun =>
  async (flow, shared, options) => {
    let action: unknown;
    const stream = flow.stream(shared, { ...options, ...(types && { types }), buffer: 8 });
    for await (const event of stream) if (event.type === "run" && event.phase === "end") ({ action } = event);
    return action as Action;
  };

let traces = 0;
const traced: WatchedRun = async (flow, shared, options) => {
  const trace = recordTrace(join(tmpdir(), `sluice-watched-${process.pid}-${++traces}.jsonl`));
  try {
    return await flow.run(shared, { ...options, events: trace.events });
  } finally {
    await trace.close();
  }
};

/** Every way to watch a run; each promise of a run holds under each of them. */
export const watchers: Readonly<Record<string, WatchedRun>> = {
  nothing: (flow, shared, options) => flow.run(shared, options),
  ...Object.fromEntries(TYPES.map((type) => [`events of ${type}`, listening(type)])),
  "all events": listening(...TYPES),
  "a hook that returns next()": wrapped((_span, next) => next()),
  "two hooks that return next()": wrapped(
    (_span, next) => next(),
    (_span, next) => next(),
  ),
  "a stream": streamed(),
  "a stream of some types": streamed(["run", "data", "gate"]),
  recordTrace: traced,
  otel: wrapped(otel({ tracer: new NodeTracerProvider().getTracer("test") })),
  diagnostics: wrapped(diagnostics()),
};
