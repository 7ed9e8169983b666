// An `around` hook that publishes on Node's diagnostics channels.
import { type TracingChannel, tracingChannel } from "node:diagnostics_channel";
import type { Around, Span } from "sluice";
import { isThenable } from "sluice/internal";

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
    return heard ? trace(channel, { ...span }, next) : next();
  };
}

type Message = Span & { result?: unknown; error?: unknown };

/** As the channel's own `tracePromise`, but it hands on what `next()` gave, so that it adds no wait to the run. */
function trace(channel: TracingChannel<string, Span>, message: Message, next: () => unknown): unknown {
  const { start, end, asyncStart, asyncEnd, error } = channel;
  const settled = () => {
    asyncStart.publish(message);
    asyncEnd.publish(message);
  };
  const done = (result: unknown) => {
    message.result = result;
    settled();
  };
  const failed = (reason: unknown) => {
    message.error = reason;
    error.publish(message);
    settled();
  };
  return start.runStores(message, () => {
    let result: unknown;
    try {
      result = next();
    } catch (reason) {
      end.publish(message);
      failed(reason);
      throw reason;
    }
    end.publish(message);
    if (isThenable(result)) result.then(done, failed);
    else done(result);
    return result;
  });
}
