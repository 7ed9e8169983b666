// An `around` hook that publishes on Node's diagnostics channels.
import type { TracingChannel } from "node:diagnostics_channel";
import type { Around, Span } from "sluice";
import { isThenable, SluiceError } from "sluice/internal";
import "./error-codes.js";

/**
 * The channel of each kind of span; a message is the span, with `result` or `error` at its end. The module is not
 * imported, so that bundles for browsers, which use only OpenTelemetry, can be built.
 */
function channelsOf() {
  const library = globalThis.process?.getBuiltinModule?.("node:diagnostics_channel");
  if (library === undefined) {
    const text = "diagnostics() needs node:diagnostics_channel, which is not here; use it on a server";
    throw new SluiceError("MISSING_PEER", text);
  }
  const channel = (kind: string) => library.tracingChannel<string, Span>(`sluice:${kind}`);
  return { run: channel("run"), step: channel("step"), item: channel("item"), attempt: channel("attempt") };
}

/**
 * Creates an `around` hook that publishes every run, step, item and attempt on the tracing channels `sluice:run`,
 * `sluice:step`, `sluice:item` and `sluice:attempt` of `node:diagnostics_channel`, for independent monitors. A message
 * is the {@link Span}; at the end it also has `result` or `error`, which may contain prompts and answers.
 *
 * @throws SluiceError `MISSING_PEER` without diagnostics channels, as in a browser.
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
  const channels = channelsOf();
  return (span, next) => {
    const channel = channels[span.kind];
    const { start, end, asyncStart, asyncEnd, error } = channel;
    const hasSubscriber = [start, end, asyncStart, asyncEnd, error].some((each) => each.hasSubscribers);
    return hasSubscriber ? trace(channel, { ...span }, next) : next();
  };
}

type Message = Span & { result?: unknown; error?: unknown };

/** Like the channel's `tracePromise`, but returns the result of `next()` itself, so that it adds no wait to the run. */
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
