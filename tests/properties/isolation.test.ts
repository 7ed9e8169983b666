import EventEmitter from "eventemitter3";
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  BatchFlow,
  type Context,
  chain,
  Flow,
  isFailure,
  node,
  type Params,
  parallel,
  type RunEvents,
} from "sluice";
import { expect, test } from "vitest";
import { inWords, sized } from "../support/size.js";

const RUNS = sized(10_000);
/** These runs are aborted by their callers while the others go on. */
const isAborted = (run: number) => run % 100 === 7;

interface Store {
  run: number;
  sum: number;
  results: unknown[];
  branches: number;
}

test(`${inWords(RUNS)} concurrent runs of one flow object: no value of one is seen in another`, {
  timeout: 60_000,
}, async () => {
  const leaks: string[] = [];
  let checks = 0;
  const check = (same: boolean, what: () => string) => {
    checks++;
    if (!same && leaks.length < 20) leaks.push(what());
  };
  /** What every hook must see of its run, and of nobody else's. */
  const checkCtx = (hook: string, ctx: Context, run: number, index?: number) => {
    check(ctx.runId === `run ${run}`, () => `${hook}: runId ${ctx.runId} in run ${run}`);
    check(ctx.params.run === run, () => `${hook}: params of ${ctx.params.run} in run ${run}`);
    check(ctx.index === index, () => `${hook}: index ${ctx.index} instead of ${index}`);
    check(ctx.signal.aborted === false || isAborted(run), () => `${hook}: aborted in run ${run}`);
  };

  // A wait whose length differs from call to call, so that hooks of all runs interleave.
  let calls = 0;
  const pause = async () => {
    const kind = (calls = (calls * 1_103_515_245 + 12_345) % 2 ** 31) % 7;
    if (kind < 2) await new Promise((resolve) => setImmediate(resolve));
    else for (let waits = 2; waits < kind; waits++) await undefined;
  };

  const tries = new Map<string, number[]>();
  const first = node({
    name: "First",
    attempts: 3,
    prep: async (shared: Store, ctx) => {
      checkCtx("prep", ctx, shared.run);
      await pause();
      return shared.run;
    },
    exec: async (run, ctx) => {
      checkCtx("exec", ctx, run);
      const mine = tries.get(ctx.runId) ?? [];
      tries.set(ctx.runId, [...mine, ctx.attempt]);
      await pause();
      await ctx.emit({ run, attempt: ctx.attempt });
      if (ctx.attempt < run % 3) throw new Error(`try ${ctx.attempt} of ${run}`);
      return run * 2;
    },
    post: async (shared, run, doubled, ctx) => {
      checkCtx("post", ctx, shared.run);
      check(run === shared.run && doubled === run * 2, () => `post: ${run}, ${doubled} in run ${shared.run}`);
      await pause();
      shared.sum += doubled;
    },
  });

  const items = Object.assign(
    new AsyncParallelBatchNode<Store, { run: number; n: number }, string, "collect">({
      name: "Items",
      concurrency: 2,
      onError: "collect",
    }),
    {
      prep: async (shared: Store, ctx: Context) => {
        checkCtx("batch prep", ctx, shared.run);
        await pause();
        return [0, 1, 2].map((n) => ({ run: shared.run, n }));
      },
      exec: async ({ run, n }: { run: number; n: number }, ctx: Context) => {
        checkCtx("batch exec", ctx, run, n);
        await pause();
        if (n === 1) throw new Error(`item of ${run}`);
        return `${run}.${n}`;
      },
      post: async (shared: Store, given: { run: number }[], results: unknown[], ctx: Context) => {
        checkCtx("batch post", ctx, shared.run);
        check(
          given.every(({ run }) => run === shared.run),
          () => `items of another run in ${shared.run}`,
        );
        const [zero, one, two] = results;
        check(
          zero === `${shared.run}.0` && two === `${shared.run}.2`,
          () => `results ${results} in run ${shared.run}`,
        );
        check(
          isFailure(one) && (one.error as Error).message === `item of ${shared.run}`,
          () => `failure in ${shared.run}`,
        );
        shared.results = results;
      },
    },
  );

  const leaf = node({
    name: "Leaf",
    prep: async (local: Store & { n: number }, ctx) => {
      checkCtx("leaf prep", ctx, local.run, local.n);
      check(ctx.params.n === local.n, () => `leaf: params of iteration ${ctx.params.n} in ${local.n}`);
      await pause();
      return local;
    },
    post: async (local, _prepared, _result, ctx) => {
      checkCtx("leaf post", ctx, local.run, local.n);
      await ctx.emit({ run: local.run, n: local.n });
      local.sum += ctx.params.n as number;
    },
  });
  const inner = Object.assign(new BatchFlow(leaf, { name: "Inner" }), {
    prep: async (local: Store, ctx: Context) => {
      checkCtx("inner prep", ctx, local.run, ctx.params.outer as number);
      await pause();
      return [{ n: 0 }, { n: 1 }];
    },
    fork: (local: Store, { n }: Params) => ({ ...local, n, sum: 0 }),
    join: (local: Store, _params: Params, own: Store) => void (local.sum += own.sum),
  });
  const walks = Object.assign(
    new AsyncParallelBatchFlow<Store>(new Flow(inner as never), { name: "Walks", concurrency: 2 }),
    {
      prep: (shared: Store, ctx: Context) => {
        checkCtx("flow prep", ctx, shared.run);
        return [{ outer: 0 }, { outer: 1 }];
      },
      fork: async (shared: Store, _params: Params, ctx: Context) => {
        checkCtx("fork", ctx, shared.run, ctx.index);
        await pause();
        return { ...shared, sum: 0 };
      },
      join: async (shared: Store, _params: Params, local: Store) => {
        check(local.run === shared.run, () => `join: ${local.run} into ${shared.run}`);
        await pause();
        shared.sum += local.sum;
      },
    },
  );

  const branch = () =>
    node({
      name: "Branch",
      prep: async (shared: Store, ctx) => {
        checkCtx("branch", ctx, shared.run);
        await pause();
      },
      post: (shared) => void shared.branches++,
    });
  chain(first as never, new Flow(items as never, { name: "Nested" }), walks, parallel([branch(), branch()]));
  const flow = new Flow<Store>(first, { name: "Main" });

  const events = new EventEmitter<RunEvents>();
  const emitted = new Map<string, number>();
  events.on("data", ({ runId, data }) => {
    const { run } = data as { run: number };
    check(runId === `run ${run}`, () => `event of ${run} as ${runId}`);
    emitted.set(runId, (emitted.get(runId) ?? 0) + 1);
  });

  const stores = Array.from({ length: RUNS }, (_, run): Store => ({ run, sum: 0, results: [], branches: 0 }));
  const reasons = new Map<number, Error>();
  const outcomes = await Promise.allSettled(
    stores.map((store) => {
      const { run } = store;
      const options = { runId: `run ${run}`, params: { run }, events };
      if (!isAborted(run)) return flow.run(store, options);
      const controller = new AbortController();
      reasons.set(run, new Error(`stop ${run}`));
      setImmediate(() => controller.abort(reasons.get(run)));
      return flow.run(store, { ...options, signal: controller.signal });
    }),
  );

  expect(leaks).toEqual([]);
  expect(checks).toBeGreaterThan(RUNS * 50);
  const wrong = stores.filter(({ run, sum, results, branches }) => {
    const outcome = outcomes[run]!;
    if (isAborted(run)) return outcome.status !== "rejected" || outcome.reason !== reasons.get(run);
    const attempts = Array.from({ length: (run % 3) + 1 }, (_, attempt) => attempt);
    return !(
      outcome.status === "fulfilled" &&
      sum === run * 2 + 2 &&
      results.length === 3 &&
      branches === 2 &&
      String(tries.get(`run ${run}`)) === String(attempts) &&
      emitted.get(`run ${run}`) === attempts.length + 4
    );
  });
  expect(wrong).toEqual([]);
  expect(reasons.size).toBe(RUNS / 100);
});
