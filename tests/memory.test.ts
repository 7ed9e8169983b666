// A million items cost the memory of the few in flight: they are pulled one by one, when a worker is free.
import { AsyncParallelBatchNode, BatchFlow, BatchNode, Flow, Gate, node } from "sluice";
import { expect, test } from "vitest";
import { turn } from "./support/fake-clock.js";

const MILLION = 1_000_000;
const LIMIT = 64 * 1024 * 1024;

/** Items that are counted as they are made and as they finish; the heap is looked at on the way. */
class Source {
  made = 0;
  finished = 0;
  ahead = 0;
  readonly #items: number;
  readonly #heapBefore: number;
  #heapMost = 0;

  constructor(items: number) {
    this.#items = items;
    this.#heapBefore = heap();
    this.#heapMost = this.#heapBefore;
  }

  *items() {
    while (this.made < this.#items) yield this.#make();
  }

  async *itemsLater() {
    while (this.made < this.#items) yield this.#make();
  }

  readonly finish = () => {
    // A full collection takes some ms: a hundred of them are enough to see what grows.
    if (++this.finished % (this.#items / 100) === 0) this.#heapMost = Math.max(this.#heapMost, heap());
  };

  #make() {
    this.made++;
    this.ahead = Math.max(this.ahead, this.made - this.finished);
    return { id: this.made, text: `item ${this.made}` };
  }

  get growth(): number {
    return this.#heapMost - this.#heapBefore;
  }

  expectLazy(name: string, concurrency: number): void {
    console.log(
      `memory, ${name}: ${this.#items} items, heap growth ${(this.growth / 1024 / 1024).toFixed(1)} MB, ` +
        `at most ${this.ahead} items ahead`,
    );
    expect(this.made).toBe(this.#items);
    expect(this.finished).toBe(this.#items);
    expect(this.ahead).toBeLessThanOrEqual(concurrency);
    expect(this.growth).toBeLessThan(LIMIT);
  }
}

function heap(): number {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error("Expected `node --expose-gc`: see vitest.config.ts");
  gc();
  return process.memoryUsage().heapUsed;
}

/** A node whose items are delivered by `onResult`, so that no list of results is kept. */
function batch(source: Source, options: object, items: () => unknown = () => source.items()) {
  return Object.assign(new AsyncParallelBatchNode(options), {
    prep: items,
    exec: async ({ text }: { text: string }) => text.length,
    onResult: source.finish,
  });
}

test("1,000,000 items of a generator, 64 at once, with onResult", async () => {
  const source = new Source(MILLION);
  await new Flow(batch(source, { concurrency: 64 })).run({});
  source.expectLazy("64 at once", 64);
}, 60_000);

test("1,000,000 items under a gate with slots, requests and tokens", async () => {
  const source = new Source(MILLION);
  const gate = new Gate({ concurrency: 32, rate: { requests: 1e9, tokens: 1e9, per: 1_000 } });
  await new Flow(batch(source, { concurrency: 64, gate })).run({});
  source.expectLazy("gated", 64);
  expect(gate.stats()).toMatchObject({ started: MILLION, running: 0, waiting: 0 });
}, 60_000);

test("100,000 items of an async generator", async () => {
  const source = new Source(100_000);
  const busy = batch(source, { concurrency: 16 }, () => source.itemsLater());
  await new Flow(Object.assign(busy, { exec: () => turn() })).run({});
  source.expectLazy("an async generator", 16);
  expect(source.ahead).toBe(16);
}, 60_000);

test("100,000 items one by one, and 100,000 iterations of a batch flow", async () => {
  const one = new Source(100_000);
  const hooks = { prep: () => one.items(), onResult: one.finish };
  await new Flow(Object.assign(new BatchNode(), hooks)).run({});
  one.expectLazy("one by one", 1);

  const walks = new Source(100_000);
  const flow = new BatchFlow(node({ exec: async () => 1 }));
  await Object.assign(flow, { prep: () => walks.items(), onResult: walks.finish }).run({});
  walks.expectLazy("a batch flow", 1);
}, 60_000);

test("100,000 items with attempts, timeouts and failures that are collected", async () => {
  const source = new Source(100_000);
  const nodes = Object.assign(
    batch(source, { concurrency: 32, attempts: 2, timeout: 60_000, onError: "collect" }),
    {
      exec: async ({ id }: { id: number }) => {
        if (id % 10 === 0) throw new Error("no");
      },
    },
  );
  await new Flow(nodes).run({});
  source.expectLazy("attempts and timeouts", 32);
}, 60_000);
