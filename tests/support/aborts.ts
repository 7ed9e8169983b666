// Every place where an abort can find a run: what waits there, and what must not start afterwards.
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  type BaseNode,
  BatchFlow,
  BatchNode,
  type Context,
  Flow,
  Gate,
  type GateOptions,
  Node,
  node,
  parallel,
} from "sluice";

/** What a place notes while it runs. */
export class Log {
  /** Hooks that have started, in order. */
  readonly started: string[] = [];
  /** How long a hook that touches the store takes, in ms. */
  readonly touchTakes: number;
  /** When that hook has ended; 0 before. */
  hookEndedAt = 0;

  constructor(touchTakes = 40) {
    this.touchTakes = touchTakes;
  }

  start(name: string): void {
    this.started.push(name);
  }

  /** A hook that touches the store for a while, whatever is aborted meanwhile. */
  touch(name: string): () => Promise<undefined> {
    return async () => {
      this.start(name);
      await sleep(this.touchTakes);
      this.hookEndedAt = performance.now();
      return undefined;
    };
  }

  /** Work that never ends and does not look at its signal. */
  ignore(name = "exec"): () => Promise<never> {
    return () => {
      this.start(name);
      return new Promise(() => {});
    };
  }
}

/** A run, and what holds it when the abort comes. */
export interface Place {
  readonly name: string;
  /** A hook that may touch the store is in progress: it is awaited first. */
  readonly touches?: boolean;
  begin(signal: AbortSignal, log: Log): Promise<unknown>;
}

/** Runs a node in a flow whose next step must never be reached. */
function through(start: BaseNode, signal: AbortSignal, log: Log): Promise<unknown> {
  start.next(node({ prep: () => log.start("the next node"), post: () => log.start("the next node") }));
  return new Flow(start).run({}, { signal });
}

const items = (length: number) => Array.from({ length }, (_, i) => i);

/** A gate whose one slot is taken, whose requests are spent, or which a 429 has paused. */
export async function busyGate(
  how: "slot" | "permits" | "tokens" | "pause",
  signal: AbortSignal,
): Promise<Gate> {
  const options: GateOptions = {
    slot: { concurrency: 1 },
    permits: { concurrency: 20_000, rate: { requests: 1, per: 60_000 } },
    tokens: { rate: { tokens: 1, per: 60_000, burst: 60_000 } },
    pause: {},
  }[how];
  const gate = new Gate(options);
  const first = gate.run(
    () => {
      if (how === "slot" && !signal.aborted) {
        return new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      }
      if (how === "pause")
        throw Object.assign(new Error("429"), { status: 429, headers: { "retry-after": "60" } });
    },
    { tokens: how === "tokens" ? 0.5 : 0, signal: how === "pause" ? signal : undefined },
  );
  first.catch(() => {});
  await turn();
  return gate;
}

class Walks extends AsyncParallelBatchFlow<object, { i: number }> {
  override prep() {
    return items(50).map((i) => ({ i }));
  }
}

const waitsOfGates: Place[] = (["slot", "permits", "tokens", "pause"] as const).flatMap((how) => [
  {
    name: `the ${how} of a gate, in a node`,
    begin: async (signal, log) => {
      const gate = await busyGate(how, signal);
      return through(node({ gate, cost: () => 0.9, exec: () => log.start("exec") }), signal, log);
    },
  },
  {
    name: `the ${how} of a gate, in a batch with 100 items waiting`,
    begin: async (signal, log) => {
      const gate = await busyGate(how, signal);
      class Items extends AsyncParallelBatchNode<object, number, void> {
        override prep() {
          return items(200);
        }
        override cost() {
          return 0.9;
        }
        override exec() {
          log.start("exec");
        }
      }
      return through(new Items({ gate, concurrency: 100 }), signal, log);
    },
  },
  {
    name: `the ${how} of a gate, in gate.run`,
    begin: async (signal, log) => {
      const gate = await busyGate(how, signal);
      return gate.run(() => log.start("call"), { signal, tokens: 0.9 });
    },
  },
  {
    name: `the ${how} of a gate, in gate.run with the ctx of a hook`,
    begin: async (signal, log) => {
      const gate = await busyGate(how, signal);
      const exec = (_: unknown, ctx: Context) => gate.run(() => log.start("call"), { ctx, tokens: 0.9 });
      return through(node({ exec }), signal, log);
    },
  },
]);

/** Places where nothing is awaited: the run rejects at once. */
export const places: Place[] = [
  {
    name: "a leaf's exec that ignores its signal",
    begin: (signal, log) => through(node({ exec: log.ignore() }), signal, log),
  },
  {
    name: "a leaf's exec that heeds its signal",
    begin: (signal, log) => {
      const exec = (_: unknown, ctx: Context) => sleep(60_000, undefined, { signal: ctx.signal });
      return through(node({ exec, attempts: 3, execFallback: () => log.start("execFallback") }), signal, log);
    },
  },
  {
    name: "a leaf's exec that ends an aborted stream without an error",
    begin: (signal, log) => {
      const exec = (_: unknown, ctx: Context) =>
        new Promise((resolve) => ctx.signal.addEventListener("abort", () => resolve("half an answer")));
      return through(node({ exec, post: () => log.start("post") }), signal, log);
    },
  },
  {
    name: "a leaf's exec that fails later than the abort",
    begin: (signal, log) => {
      const exec = async () => {
        await sleep(40);
        throw new Error("late");
      };
      return through(node({ exec, execFallback: () => log.start("execFallback") }), signal, log);
    },
  },
  {
    name: "a leaf's exec under attempts, timeout, gate and rate",
    begin: (signal, log) => {
      const gate = new Gate({ concurrency: 2, rate: { requests: 5, tokens: 5, per: 1_000 } });
      const rate = { requests: 5, per: 1_000 };
      return through(
        node({ gate, rate, attempts: 3, timeout: 60_000, cost: () => 1, exec: log.ignore() }),
        signal,
        log,
      );
    },
  },
  {
    name: "execFallback",
    begin: (signal, log) => {
      const exec = () => {
        throw new Error("no");
      };
      return through(node({ exec, execFallback: log.ignore("execFallback") }), signal, log);
    },
  },
  {
    name: "execFallback after attempts",
    begin: (signal, log) => {
      const exec = () => {
        throw new Error("no");
      };
      return through(node({ exec, attempts: 2, execFallback: log.ignore("execFallback") }), signal, log);
    },
  },
  {
    name: "the backoff",
    begin: (signal, log) => {
      const exec = () => {
        log.start("exec");
        throw new Error("no");
      };
      return through(node({ exec, attempts: 3, backoff: 60_000 }), signal, log);
    },
  },
  ...(["retryIf", "backoff", "cost"] as const).map(
    (hook): Place => ({
      name: `${hook}() of a node`,
      begin: (signal, log) => {
        const slow = log.ignore(hook);
        const exec = () => {
          log.start("exec");
          throw new Error("no");
        };
        return through(node({ exec, attempts: 3, gate: new Gate(), [hook]: slow }), signal, log);
      },
    }),
  ),
  {
    name: "retryIf() that answers after the abort",
    begin: (signal, log) => {
      const exec = () => {
        throw new Error("no");
      };
      const retryIf = async () => {
        await sleep(40);
        return false;
      };
      const execFallback = () => log.start("execFallback");
      return through(node({ exec, attempts: 3, retryIf, execFallback }), signal, log);
    },
  },
  {
    name: "the batch's exec, one by one",
    begin: (signal, log) => {
      class Items extends BatchNode<object, number, void, "collect"> {
        override prep() {
          return items(5);
        }
        override exec(item: number) {
          log.start(`exec ${item}`);
          return new Promise<void>(() => {});
        }
      }
      return through(new Items({ attempts: 2, onError: "collect" }), signal, log);
    },
  },
  {
    name: "200 execs of a batch at once",
    begin: (signal, log) => {
      class Items extends AsyncParallelBatchNode<object, number, void> {
        override prep() {
          return items(20_000);
        }
        override async exec(_item: number, ctx: Context) {
          log.start("exec");
          await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
        }
      }
      return through(new Items({ concurrency: 200 }), signal, log);
    },
  },
  ...[BatchNode, AsyncParallelBatchNode].flatMap((Batch) => [
    {
      name: `next() of an async iterable, in ${Batch.name}`,
      begin: (signal: AbortSignal, log: Log) => {
        const source = { [Symbol.asyncIterator]: () => ({ next: log.ignore("next") }) };
        return through(Object.assign(new Batch(), { prep: () => source }), signal, log);
      },
    },
    {
      name: `an async generator that waits, in ${Batch.name}`,
      begin: (signal: AbortSignal, log: Log) => {
        const source = async function* () {
          yield 1;
          await sleep(40);
          yield 2;
        };
        const exec = (item: number) => (item === 1 ? undefined : log.start("exec 2"));
        return through(Object.assign(new Batch(), { prep: source, exec }), signal, log);
      },
    },
  ]),
  {
    name: "a leaf three flows deep",
    begin: (signal, log) => {
      const leaf = node({ exec: log.ignore(), post: () => log.start("post") });
      const post = () => log.start("post of a flow");
      const inner = Object.assign(new Flow(new Flow(leaf), { attempts: 3 }), { post });
      return through(new Flow(inner), signal, log);
    },
  },
  ...(["all", "any", "settled"] as const).map(
    (until): Place => ({
      name: `branches of parallel() until ${until}`,
      begin: (signal, log) => {
        const branch = () => node({ exec: log.ignore(), post: () => log.start("post") });
        const post = () => log.start("post of parallel()");
        return through(parallel([branch(), new Flow(branch()), branch()], { until, post }), signal, log);
      },
    }),
  ),
  {
    name: "leaves of a batch flow, one by one",
    begin: (signal, log) => {
      class OneByOne extends BatchFlow<object, { i: number }> {
        override prep() {
          return items(5).map((i) => ({ i }));
        }
      }
      return through(new OneByOne(node({ exec: log.ignore() }), { attempts: 2 }), signal, log);
    },
  },
  {
    name: "leaves of a parallel batch flow with fork and join",
    begin: (signal, log) => {
      const join = () => log.start("join");
      const flow = Object.assign(new Walks(node({ exec: log.ignore() })), { fork: () => ({}), join });
      return through(flow, signal, log);
    },
  },
  {
    name: "a batch flow's iterations that wait for permits",
    begin: async (signal, log) => {
      const leaf = node({ exec: () => log.start("exec") });
      const gate = await busyGate("permits", signal);
      return through(
        Object.assign(new Walks(leaf, { gate }), { fork: () => log.start("fork") }),
        signal,
        log,
      );
    },
  },
  {
    name: "a flow.run inside exec, with its ctx",
    begin: (signal, log) => {
      const inner = new Flow(node({ exec: log.ignore(), post: () => log.start("inner post") }));
      return through(node({ exec: (_, ctx) => inner.run({}, { ctx }) }), signal, log);
    },
  },
  {
    name: "a gate.run that ignores its signal",
    begin: (signal, log) => new Gate({ concurrency: 1 }).run(log.ignore("call"), { signal }),
  },
  {
    name: "nested calls that wait for a lent slot",
    begin: (signal, log) => {
      const gate = new Gate({ concurrency: 1 });
      const exec = (_: unknown, ctx: Context) =>
        Promise.all([1, 2, 3].map((i) => gate.run(log.ignore(`call ${i}`), { ctx })));
      return through(node({ gate, exec }), signal, log);
    },
  },
  {
    name: "siblings that end after a failure, and ignore both",
    begin: (signal, log) => {
      class Items extends AsyncParallelBatchNode<object, number, void> {
        override prep() {
          return items(100);
        }
        override async exec(item: number) {
          log.start("exec");
          await sleep(item === 0 ? 5 : 60_000, undefined, { ref: false });
          if (item === 0) throw new Error("the first failure");
        }
      }
      return through(new Items({ concurrency: 4 }), signal, log);
    },
  },
  {
    name: "branches that end after a failure, and ignore both",
    begin: (signal, log) => {
      const fails = node({
        exec: async () => {
          await sleep(5);
          throw new Error("the first failure");
        },
      });
      return through(parallel([fails, node({ exec: log.ignore() })]), signal, log);
    },
  },
  ...waitsOfGates,
];

/** Places where a hook that may touch the store is in progress: the run rejects when it has ended. */
export const hooks: Place[] = [
  {
    name: "prep",
    begin: (signal, log) =>
      through(node({ prep: log.touch("prep"), exec: () => log.start("exec") }), signal, log),
  },
  {
    name: "post",
    begin: (signal, log) => through(node({ post: log.touch("post") }), signal, log),
  },
  {
    name: "prep of a batch",
    begin: (signal, log) => {
      const exec = () => log.start("exec");
      return through(
        Object.assign(new AsyncParallelBatchNode(), { prep: log.touch("prep"), exec }),
        signal,
        log,
      );
    },
  },
  {
    name: "prep of a flow",
    begin: (signal, log) => {
      const inner = new Flow(node({ prep: () => log.start("inner prep") }));
      return through(Object.assign(inner, { prep: log.touch("prep") }), signal, log);
    },
  },
  {
    name: "post of a flow",
    begin: (signal, log) =>
      through(Object.assign(new Flow(node({})), { post: log.touch("post") }), signal, log),
  },
  {
    name: "post of a leaf three flows deep, under attempts",
    begin: (signal, log) => {
      const inner = new Flow(new Flow(node({ post: log.touch("post") })), { attempts: 3, timeout: 60_000 });
      return through(new Flow(inner), signal, log);
    },
  },
  {
    name: "post in a branch of parallel(), with a leaf beside it",
    begin: (signal, log) => {
      const branches = [node({ post: log.touch("post") }), node({ exec: log.ignore() })];
      return through(parallel(branches), signal, log);
    },
  },
  {
    name: "post in one iteration, with leaves in the others",
    begin: (signal, log) => {
      class Mixed extends Node<object, number, void> {
        override prep(_shared: object, { params }: Context) {
          return params.i as number;
        }
        override exec(i: number): Promise<void> | undefined {
          return i === 0 ? undefined : log.ignore()();
        }
        override async post() {
          await log.touch("post")();
        }
      }
      return through(new Walks(new Mixed()), signal, log);
    },
  },
  ...(["fork", "join", "onResult"] as const).map(
    (hook): Place => ({
      name: `${hook} of a batch flow`,
      begin: (signal, log) => {
        const touch = log.touch(hook);
        let calls = 0;
        const once = () => (calls++ === 0 ? touch() : {});
        const flow = new Walks(node({ exec: () => sleep(1) }), { concurrency: 1 });
        return through(Object.assign(flow, { [hook]: once }), signal, log);
      },
    }),
  ),
  {
    name: "onResult of a batch node, with items in flight",
    begin: (signal, log) => {
      const exec = (item: number) => (item === 0 ? item : log.ignore()());
      const prep = () => items(100);
      return through(
        Object.assign(new AsyncParallelBatchNode(), { prep, exec, onResult: log.touch("onResult") }),
        signal,
        log,
      );
    },
  },
  {
    name: "post of a run inside exec does not hold the outer run: it is another store's",
    begin: (signal, log) => {
      const inner = new Flow(node({ post: log.touch("inner post") }));
      const touchesToo = node({ post: log.touch("post") });
      return through(parallel([node({ exec: (_, ctx) => inner.run({}, { ctx }) }), touchesToo]), signal, log);
    },
  },
];
