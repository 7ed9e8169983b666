// An `around` hook that publishes on Node's diagnostics channels.
import { tracingChannel } from "node:diagnostics_channel";
import type { Around, Span } from "sluice";

/** The channel of each kind of span; a message is the span, and at its end `result` or `error` beside it. */
const channels = {
  run: tracingChannel<string, Span>("sluice:run"),
  step: tracingChannel<string, Span>("sluice:step"),
  item: tracingChannel<string, Span>("sluice:item"),
  attempt: tracingChannel<string, Span>("sluice:attempt"),
};

/**
 * Makes an `around` hook that publishes every run, step, item and attempt on the tracing channels `sluice:run`,
 * `sluice:step`, `sluice:item` and `sluice:attempt` of `node:diagnostics_channel`, for monitors that know nothing
 * of each other. A message is the {@link Span}; at the end it has `result` or `error` too, which is content.
 *
 * @example
 * ```ts
 * import { subscribe } from "node:diagnostics_channel";
 * import { Flow, node, type Span } from "sluice";
 * import { diagnostics } from "sluice/otel";
 *
 * const seen: string[] = [];
 * subscribe("tracing:sluice:step:start", (span) => seen.push((span as Span).name));
 * await new Flow(node({ name: "Greet" })).run({}, { around: diagnostics() });
 * seen; // => ["Greet"]
 * ```
 */
export function diagnostics(): Around {
  return (span, next) => {
    const channel = channels[span.kind];
    const { start, end, asyncStart, asyncEnd, error } = channel;
    const heard = [start, end, asyncStart, asyncEnd, error].some((each) => each.hasSubscribers);
    return heard ? channel.tracePromise(next, { ...span }) : next();
  };
}
