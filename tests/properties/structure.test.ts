import fc from "fast-check";
import { Flow, parallel } from "sluice";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { rejection, turn } from "../support/deferred.js";
import { forSluice, graphs, World } from "../support/graphs.js";
import { inWords, sized } from "../support/size.js";

const RUNS = sized(1_000);

const unhandled = vi.fn();
beforeAll(() => {
  vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  process.on("unhandledRejection", unhandled);
});
afterAll(() => {
  process.off("unhandledRejection", unhandled);
  vi.restoreAllMocks();
});

test(`${inWords(RUNS)} flows at random, in any interleaving, aborted anywhere: when run() settles nothing of it is left`, async () => {
  let aborted = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      graphs(),
      graphs(),
      fc.constantFrom(1, 2, 16),
      fc.constantFrom("all", "any", "settled"),
      fc.nat(40),
      async (scheduler, left, right, concurrency, until, when) => {
        const controller = new AbortController();
        const reason = new Error("stop");
        let waits = 0;
        const world = new World(() => {
          if (++waits === when && !world.settled) controller.abort(reason);
          return scheduler.schedule(Promise.resolve());
        });
        const branches = [left, right].map((spec) => forSluice(spec, world, concurrency));
        const flow = new Flow(parallel(branches, { until: until as "all" }));
        const shared = { visits: 0 };
        let atTheStore: number | undefined;
        const run = flow.run(shared, { signal: controller.signal }).finally(() => {
          world.settled = true;
          atTheStore = world.atTheStore;
        });
        if (when === 0) controller.abort(reason);
        const outcome = await scheduler.waitFor(
          run.then(
            () => undefined,
            (error: unknown) => error,
          ),
        );
        const settledAs = JSON.stringify(shared);
        expect(atTheStore).toBe(0);
        if (controller.signal.aborted) {
          aborted++;
          expect(outcome).toBe(reason);
        }
        // Whatever was abandoned goes on to its end, and must not be seen.
        await scheduler.waitIdle();
        await turn();
        expect(world.late).toBe(0);
        expect(JSON.stringify(shared)).toBe(settledAs);
        expect(unhandled).not.toHaveBeenCalled();
      },
    ),
    { numRuns: RUNS },
  );
  expect(aborted).toBeGreaterThan(sized(300, 10));
});

test("a run that was aborted before it began calls no hook at all", async () => {
  await fc.assert(
    fc.asyncProperty(graphs(), async (spec) => {
      const world = new World();
      const reason = new Error("stop");
      const run = forSluice(spec, world).run({ visits: 0 }, { signal: AbortSignal.abort(reason) });
      expect(await rejection(run)).toBe(reason);
      expect(world.trace).toEqual([]);
    }),
  );
});
