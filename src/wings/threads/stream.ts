// The values of a generator in a thread, as an async iterable.
import { MessageChannel } from "node:worker_threads";
import { type Call, poolError } from "./call.js";
import type { ThreadPool } from "./pool.js";
import { notCloneable, type StreamMessage, thrown, unloadable } from "./task.js";

/** Milliseconds that a generator may take to its next `yield` after its reader has left, before its thread is ended. */
const GRACE = 100;

/**
 * Starts when the first value is requested. The thread is at most `ahead` values ahead of its reader. Leaving the loop
 * ends the generator at its next `yield`, with its `finally` blocks, or otherwise its thread.
 */
export async function* stream(
  pool: ThreadPool,
  call: Call,
  ahead: number,
): AsyncGenerator<unknown, unknown, void> {
  const { port1, port2 } = new MessageChannel();
  const { transfer, signal } = call;
  const task = { ...call.task, port: port2, ahead };
  const stop = new AbortController();
  const arrived: StreamMessage[] = [];
  let failure: { readonly error: unknown } | undefined;
  let wake = () => {};
  port1.on("message", (message: StreamMessage) => {
    arrived.push(message);
    wake();
  });
  const running: Promise<void> = pool
    .run(task, { transfer: [port2, ...transfer], signal, stop: stop.signal })
    .then(
      (outcome) => {
        if (outcome.kind === "unloadable") failure = { error: unloadable(outcome, task) };
        wake();
      },
      (error) => {
        failure = { error: poolError(error, call) };
        wake();
      },
    );
  let ended = false;
  let taken = 0;
  try {
    for (;;) {
      if (signal?.aborted) throw signal.reason;
      const message = arrived.shift();
      if (message === undefined) {
        if (failure !== undefined) throw failure.error;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      ended = message.kind !== "value";
      if (message.kind === "thrown") throw thrown(message, task);
      if (message.kind === "uncloneable") throw notCloneable(message.error, task, "a value that it yields");
      if (message.kind === "end") return message.value;
      yield message.value;
      if (++taken < ahead / 2) continue;
      port1.postMessage({ credit: taken });
      taken = 0;
    }
  } finally {
    if (!ended) port1.postMessage({ left: true });
    const timer = setTimeout(() => stop.abort(), GRACE);
    await running;
    clearTimeout(timer);
    port1.close();
  }
}
