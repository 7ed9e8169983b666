// The server of the load test: one flow object behind one handler, in a process of its own. Answers the test
// over IPC with what it has measured of itself.
import { monitorEventLoopDelay } from "node:perf_hooks";
import { type HttpBindings, serve } from "@hono/node-server";
import { Flow, node } from "sluice";
import { createHandler } from "sluice/serve";

interface Shared {
  readonly id: string;
  readonly tokens: number;
  readonly pace: number;
  /** Milliseconds that the flow itself took, without the waits for `emit`. */
  own?: number;
  said?: string;
}

export interface Report {
  readonly p50: number;
  readonly p99: number;
  readonly loopP99: number;
  readonly requests: number;
  readonly heap: number;
  readonly running: number;
  readonly waiting: number;
  readonly begun: number;
  readonly aborted: number;
  readonly unhandled: readonly string[];
  readonly resources: readonly string[];
}

const runs = { begun: 0, aborted: 0 };
const unhandled: string[] = [];
process.on("unhandledRejection", (error) => unhandled.push(String(error)));
process.on("uncaughtException", (error) => unhandled.push(String(error)));

const now = () => performance.timeOrigin + performance.now();
const stores = new WeakMap<Request, Shared>();
const talk = node({
  prep: (shared: Shared) => shared,
  exec: async ({ id, tokens, pace }, { emit, signal }) => {
    runs.begun++;
    let own = 0;
    try {
      for (let at = 0; at < tokens; at++) {
        const began = performance.now();
        await new Promise((resolve) => setTimeout(resolve, pace));
        own += performance.now() - began;
        signal.throwIfAborted();
        await emit(`${id} ${at} ${now()}`);
      }
    } finally {
      if (signal.aborted) runs.aborted++;
    }
    return own;
  },
  post: (shared, _prepared, own) => {
    shared.own = own;
    shared.said = shared.id;
  },
});
const handler = createHandler(new Flow(talk), {
  toShared: (input: Shared, request) => {
    const shared = { ...input };
    stores.set(request, shared);
    return shared;
  },
  output: ({ said }) => ({ said }),
  limits: { running: 1_000 },
});

let overheads: number[] = [];
const loop = monitorEventLoopDelay({ resolution: 5 });
loop.enable();
const server = serve(
  {
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, env) => {
      const { outgoing } = env as HttpBindings;
      const began = performance.now();
      // From the arrival to the last byte given to the socket, less what the flow itself took.
      outgoing.once("finish", () => {
        const own = stores.get(request)?.own;
        if (own !== undefined) overheads.push(performance.now() - began - own);
      });
      return handler(request);
    },
  },
  ({ port }) => process.send?.({ port }),
);

process.on("message", (message) => {
  if (message === "stop") {
    server.close();
    void handler.close().then(() => process.disconnect());
    return;
  }
  const collect = (globalThis as { gc?: () => void }).gc;
  collect?.();
  collect?.();
  const sorted = overheads.sort((a, b) => a - b);
  const rank = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  const report: Report = {
    p50: rank(0.5),
    p99: rank(0.99),
    loopP99: loop.percentile(99) / 1e6,
    requests: sorted.length,
    heap: process.memoryUsage().heapUsed,
    running: handler.stats().running,
    waiting: handler.stats().waiting,
    ...runs,
    unhandled,
    resources: process.getActiveResourcesInfo().sort(),
  };
  overheads = [];
  loop.reset();
  process.send?.(report);
});
