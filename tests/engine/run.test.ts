// One run: its options, its identity, and that runs of one graph know nothing of each other.
import { emitter, Flow, Gate, node } from "sluice";
import { expect, test, vi } from "vitest";
import { deferred, rejection, turn } from "../support/deferred.js";

const flow = (visited: () => unknown = () => {}) => new Flow(node({ name: "Only", prep: visited }));

test.each<[string, object]>([
  ["signal", { signal: {} }],
  ["drain", { drain: "soon" }],
  ["params", { params: 3 }],
  ["events", { events: {} }],
  ["around", { around: [1] }],
  ["maxSteps", { maxSteps: 0 }],
  ["budget", { budget: 100 }],
  ["journal", { journal: {} }],
  ["runId", { runId: 7 }],
  ["ctx", { ctx: {} }],
])("a wrong %s is refused before any hook is called, as a rejection", async (name, options) => {
  const visited = vi.fn();
  const error = await rejection(flow(visited).run({}, options as never));
  expect(error).toMatchObject({ code: "INVALID_OPTION", message: expect.stringContaining(name) });
  expect(visited).not.toHaveBeenCalled();
});

test("an unknown option is refused with the nearest one", async () => {
  expect(await rejection(flow().run({}, { maxStep: 3 } as never))).toMatchObject({
    code: "UNKNOWN_OPTION",
    message: expect.stringContaining("maxSteps"),
  });
});

test("a signal or a drain that has fired already lets no hook be called", async () => {
  for (const options of [{ signal: AbortSignal.abort("gone") }, { drain: AbortSignal.abort("gone") }]) {
    const visited = vi.fn();
    expect(await rejection(flow(visited).run({}, options))).toBe("gone");
    expect(visited).not.toHaveBeenCalled();
  }
});

test("runs of one flow at the same time have ids, steps, budgets and signals of their own", async () => {
  const open = deferred();
  const ids: string[] = [];
  const waits = node({
    prep: (_shared: { aborted?: boolean }, { runId }) => void ids.push(runId),
    exec: async (_input, { signal }) => {
      await open.promise;
      return signal.aborted;
    },
    post: (shared, _input, aborted) => {
      shared.aborted = aborted;
    },
  });
  const shared = new Flow(waits);
  const controller = new AbortController();
  const stores: { aborted?: boolean }[] = [{}, {}, {}];
  const limits = { maxSteps: 1, budget: { calls: 1 } };
  const runs = stores.map((store, at) =>
    shared
      .run(store, at === 1 ? { ...limits, signal: controller.signal } : limits)
      .catch((error: unknown) => error),
  );
  await turn();
  controller.abort("enough");
  open.resolve();
  expect(await Promise.all(runs)).toEqual([undefined, "enough", undefined]);
  expect(stores).toEqual([{ aborted: false }, {}, { aborted: false }]);
  expect(new Set(ids).size).toBe(3);
});

test("a run that is watched reports what one that is not watched does: the same hooks in the same order", async () => {
  const trace = async (options: object) => {
    const log: string[] = [];
    const step = (name: string) =>
      node({
        name,
        attempts: 2,
        gate: new Gate({ concurrency: 1 }),
        prep: () => void log.push(`${name}.prep`),
        exec: (_input, { attempt }) => {
          log.push(`${name}.exec ${attempt}`);
          if (attempt === 0) throw new Error("again");
        },
        post: () => void log.push(`${name}.post`),
      });
    const first = step("first");
    first.next(new Flow(step("second")));
    await new Flow(first).run({}, options);
    return log;
  };
  const unwatched = await trace({});
  expect(unwatched).toHaveLength(8);
  expect(await trace({ around: (_span: unknown, next: () => unknown) => next() })).toEqual(unwatched);
  const events = emitter();
  const seen = vi.fn();
  events.on("attempt", seen);
  expect(await trace({ events })).toEqual(unwatched);
  expect(seen).toHaveBeenCalled();
});
