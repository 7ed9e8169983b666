import { AsyncParallelBatchFlow, Flow, node } from "sluice";
import { afterEach, expect, test, vi } from "vitest";
import { StoreCut } from "../../../src/wings/journal/store-cut.js";
import { Writers } from "../../../src/wings/journal/writers.js";
import { Started, type Store } from "./support/started.js";

const named = (name: string) => ({ name }) as never;
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test("after 1 s without a cut new writers wait, and after 5 s more they go on, and a warning names the hook", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  const writers = new Writers();
  const leave = writers.enter(named("Slow"), "post");
  expect(writers.want()).toBe(false);
  vi.advanceTimersByTime(900);
  expect(writers.room()).toBeUndefined();
  vi.advanceTimersByTime(200);
  let went = 0;
  void writers.room()?.then(() => went++);
  await vi.advanceTimersByTimeAsync(4_000);
  expect(went).toBe(0);
  writers.end(); // a cut was taken
  await vi.advanceTimersByTimeAsync(0);
  expect([went, warned.mock.calls.length]).toEqual([1, 0]);

  writers.want();
  vi.advanceTimersByTime(1_100);
  void writers.room()?.then(() => went++);
  await vi.advanceTimersByTimeAsync(5_100);
  expect(went).toBe(2);
  expect(warned.mock.calls[0]?.[0]).toContain('"Slow".post');
  leave();
});

test("a cut that waits for a slow prep is taken as soon as that ends", async () => {
  const started = new Started();
  vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  const slow = node({
    name: "Slow",
    prep: async (_shared: Store, { index }) => {
      if (index === 0) await new Promise((resolve) => setTimeout(resolve, 30));
    },
    exec: async (_none, { index }) => (index === 0 ? new Promise<never>(() => {}) : undefined),
    post: (shared, _none, _result, { index }) => void (shared[`done ${index}`] = true),
  });
  class Each extends AsyncParallelBatchFlow<Store, object> {
    override prep() {
      return [{}, {}, {}];
    }
  }
  void started.run(new Flow<Store>(new Each(slow, { name: "Each" }) as never, { name: "Main" }));
  await started.killWhen(({ kind, value }) => kind === "store" && value.includes("done 2"));
});

test("a store that takes over 40 ms to encode warns with its largest key", () => {
  const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  const store = { small: 1, large: Array.from({ length: 150_000 }, (_each, n) => ({ n })) };
  new StoreCut("", store, new Set(), named("Main")).take();
  expect(warned.mock.calls[0]?.[0]).toContain('"large"');
});
