import {
  type Action,
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  BatchNode,
  Flow,
  Gate,
  node,
  parallel,
} from "sluice";
import { describe, expect, test, vi } from "vitest";
import { deferred, rejection } from "../support/deferred.js";
import { watchers } from "../support/watchers.js";

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const reason = new Error("drained");

/** Drains a run once something in it has begun. */
const drainer = () => {
  const controller = new AbortController();
  return { drain: controller.signal, stop: () => controller.abort(reason) };
};

describe.each(Object.entries(watchers))("drain, watched by %s", (_name, run) => {
  test("what is in flight ends with its post, and no further step begins", async () => {
    const { drain, stop } = drainer();
    const log: string[] = [];
    const first = node({
      exec: async () => {
        stop();
        await sleep(5);
        return "paid";
      },
      post: (_shared: object, _: undefined, result) => {
        log.push(result);
      },
    });
    const second = node({ prep: () => void log.push("second began") });
    first.next(second);
    expect(await rejection(run(new Flow(first), {}, { drain }))).toBe(reason);
    expect(log).toEqual(["paid"]);
  });

  test("items in flight are delivered while the source is asked for another", async () => {
    const { drain, stop } = drainer();
    const log: number[] = [];
    class Slow extends AsyncParallelBatchNode<object, number, number> {
      override async *prep() {
        yield 1;
        await sleep(20);
        yield 2;
      }
      override async exec(item: number) {
        stop();
        await sleep(3);
        return item;
      }
      override onResult(_shared: object, result: number) {
        log.push(result);
      }
    }
    expect(await rejection(run(new Flow(new Slow({ concurrency: 2 })), {}, { drain }))).toBe(reason);
    expect(log).toEqual([1]);
  });

  test("no call begins that had its slot but had not started", async () => {
    const { drain, stop } = drainer();
    const log: number[] = [];
    const gate = new Gate({ concurrency: 3 });
    class Calls extends AsyncParallelBatchNode<object, number, number> {
      override prep() {
        return [1, 2, 3];
      }
      override exec(item: number) {
        log.push(item);
        stop();
        return item;
      }
    }
    const calls = new Calls({ gate, timeout: 60_000 });
    expect(await rejection(run(new Flow(calls), {}, { drain }))).toBe(reason);
    expect(log).toEqual([1]);
  });

  test("the signal of a hook in flight does not fire", async () => {
    const { drain, stop } = drainer();
    const aborted = vi.fn();
    const first = node({
      exec: async (_: undefined, { signal }) => {
        signal.addEventListener("abort", aborted);
        stop();
        await sleep(3);
      },
    });
    first.next(node({}));
    expect(await rejection(run(new Flow(first), {}, { drain }))).toBe(reason);
    expect(aborted).not.toHaveBeenCalled();
  });

  test("a run in which nothing is left to do ends as usual", async () => {
    const { drain, stop } = drainer();
    const last = node({
      exec: async () => {
        stop();
        await sleep(2);
      },
      post: () => "done",
    });
    expect(await run(new Flow(new Flow(last)), {}, { drain })).toBe("done");
  });

  test("items in flight are delivered, no other is pulled, and an incomplete batch gets no post", async () => {
    const { drain, stop } = drainer();
    const log: unknown[] = [];
    class Items extends AsyncParallelBatchNode<object, number, number> {
      override *prep() {
        for (let n = 0; n < 100; n++) {
          log.push(`pulled ${n}`);
          yield n;
        }
      }
      override async exec(n: number) {
        if (n === 2) stop();
        await sleep(4);
        return n;
      }
      override onResult = (_shared: object, result: unknown) => {
        log.push(result);
      };
      override post(): Action {
        log.push("post");
        return undefined;
      }
    }
    expect(await rejection(run(new Flow(new Items({ concurrency: 3 })), {}, { drain }))).toBe(reason);
    expect(log).toEqual(["pulled 0", "pulled 1", "pulled 2", 0, 1, 2]);
  });

  test("a batch whose last items are in flight is complete", async () => {
    const { drain, stop } = drainer();
    class Items extends AsyncParallelBatchNode<{ results?: number[] }, number, number> {
      override prep() {
        return [1, 2, 3];
      }
      override async exec(n: number) {
        if (n === 3) stop();
        await sleep(2);
        return n;
      }
      override post(shared: { results?: number[] }, _: unknown, results: number[]) {
        shared.results = results;
        return "all";
      }
    }
    const shared: { results?: number[] } = {};
    expect(await run(new Flow(new Items()), shared, { drain })).toBe("all");
    expect(shared.results).toEqual([1, 2, 3]);
  });

  test("a call that fails is neither tried again nor given to the fallback nor collected", async () => {
    const { drain, stop } = drainer();
    const fallback = vi.fn();
    const tries = vi.fn();
    class Items extends BatchNode<object, number> {
      override prep() {
        return [1, 2];
      }
      override async exec() {
        tries();
        stop();
        await sleep(1);
        throw new Error("failed");
      }
      override execFallback = fallback;
      override onResult = fallback;
    }
    const items = new Items({ attempts: 3, onError: "collect" });
    expect(await rejection(run(new Flow(items), {}, { drain }))).toBe(reason);
    expect(tries).toHaveBeenCalledTimes(1);
    expect(fallback).not.toHaveBeenCalled();
  });

  test("waits stop at once: slot, rate, pause, backoff", async () => {
    const gates: Record<string, () => Gate> = {
      slot: () => {
        const gate = new Gate({ concurrency: 1 });
        void gate.run(() => sleep(200));
        return gate;
      },
      rate: () => {
        const gate = new Gate({ rate: { requests: 1, per: 60_000, burst: 1 } });
        void gate.run(() => {});
        return gate;
      },
      pause: () => {
        const gate = new Gate();
        const refusal = Object.assign(new Error("429"), { status: 429, headers: { "retry-after": "60" } });
        gate.run(() => Promise.reject(refusal), { signal: AbortSignal.timeout(100) }).catch(() => {});
        return gate;
      },
    };
    const exec = vi.fn();
    for (const make of Object.values(gates)) {
      const { drain, stop } = drainer();
      const gate = make();
      await sleep(1);
      const running = run(new Flow(node({ gate, exec })), {}, { drain });
      await sleep(5);
      const began = performance.now();
      stop();
      expect(await rejection(running)).toBe(reason);
      expect(performance.now() - began).toBeLessThan(20_000);
    }
    expect(exec).not.toHaveBeenCalled();
    const { drain, stop } = drainer();
    const failing = node({ attempts: 2, backoff: 10_000, exec: () => Promise.reject(new Error("no")) });
    const running = run(new Flow(failing), {}, { drain });
    await sleep(5);
    stop();
    expect(await rejection(running)).toBe(reason);
  });

  test("a halt decides nothing in `parallel`: any, settled, all", async () => {
    for (const until of ["any", "settled", "all"] as const) {
      const { drain, stop } = drainer();
      const post = vi.fn();
      const slow = node({
        exec: async () => {
          stop();
          await sleep(3);
        },
      });
      slow.next(node({}));
      const branches = [new Flow(slow), new Flow(slow)];
      expect(await rejection(run(new Flow(parallel(branches, { until, post })), {}, { drain }))).toBe(reason);
      expect(post).not.toHaveBeenCalled();
    }
  });

  test("an iteration is joined only where its walk has just ended", async () => {
    const { drain, stop } = drainer();
    const joined: unknown[] = [];
    const last = node({
      exec: async () => {
        stop();
        await sleep(2);
      },
    });
    const first = node({
      post: (_s: object, _p: undefined, _e, { params }) => (params.id === 1 ? "end" : "go"),
    });
    first.on("go", node({ exec: () => sleep(4) }).next(last) && node({ exec: () => sleep(4) }));
    const long = node({ exec: () => sleep(4) });
    long.next(node({}));
    const start = node({ post: (_s: object, _p: undefined, _e, { params }) => String(params.id) });
    start.on("1", last).on("2", long);
    class Each extends AsyncParallelBatchFlow<object, { id: number }> {
      override prep() {
        return [{ id: 1 }, { id: 2 }];
      }
      override join(_shared: object, { id }: { id: number }) {
        joined.push(id);
      }
    }
    expect(await rejection(run(new Flow(new Each(start)), {}, { drain }))).toBe(reason);
    expect(joined).toEqual([1]);
  });

  test("a run inside a hook drains with the outer one", async () => {
    const { drain, stop } = drainer();
    const after = vi.fn();
    const inner = node({
      exec: async () => {
        stop();
        await sleep(2);
      },
    });
    inner.next(node({ exec: after }));
    const outer = node({ exec: (_: undefined, ctx) => new Flow(inner).run({}, { ctx }) });
    expect(await rejection(run(new Flow(outer), {}, { drain }))).toBe(reason);
    expect(after).not.toHaveBeenCalled();
  });
});

describe("drain", () => {
  test("a run that is drained before it starts does nothing", async () => {
    const exec = vi.fn();
    expect(await rejection(new Flow(node({ exec })).run({}, { drain: AbortSignal.abort(reason) }))).toBe(
      reason,
    );
    expect(exec).not.toHaveBeenCalled();
  });

  test("an abort still cuts at once", async () => {
    const { drain, stop } = drainer();
    const abort = new AbortController();
    const exec = vi.fn(() => new Promise(() => {}));
    const running = new Flow(node({ exec })).run({}, { drain, signal: abort.signal });
    await vi.waitFor(() => expect(exec).toHaveBeenCalled()); // on a busy machine it waits for a turn first
    stop();
    await sleep(2);
    abort.abort(new Error("now"));
    expect(await rejection(running)).toBe(abort.signal.reason);
  });

  test("an async source that is being pulled is left, and what it gives then is not begun", async () => {
    const { drain, stop } = drainer();
    const exec = vi.fn();
    const gate = deferred();
    class Items extends AsyncParallelBatchNode<object, number> {
      override async *prep() {
        yield 1;
        await gate.promise;
        yield 2;
      }
      override exec = exec;
    }
    const running = new Items().run({}, { drain });
    await sleep(2);
    stop();
    gate.resolve();
    expect(await rejection(running)).toBe(reason);
    expect(exec).toHaveBeenCalledTimes(1);
  });
});
