// Any number of items costs the memory of the few in flight: they are pulled one by one, when a worker is free.
import { AsyncParallelBatchNode, BatchFlow, BatchNode, Flow, Gate, node } from "sluice";
import { expect, test } from "vitest";
import { turn } from "../support/fake-clock.js";
import { inWords, sized } from "../support/size.js";

const MANY = sized(1_000_000);
/** Where failures, async sources or walks make an item dear. */
const FEWER = sized(100_000, 50_000);
const LOOKS = sized(100);
const LIMIT = sized(64, 3) * 1024 * 1024;

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
    // A full collection takes 30 ms, so there are only some of them: enough to see what grows.
    if (++this.finished % (this.#items / LOOKS) === 0) this.#heapMost = Math.max(this.#heapMost, heap());
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

test(`${inWords(MANY)} items of a generator, 64 at once, with onResult`, async () => {
  const source = new Source(MANY);
  await new Flow(batch(source, { concurrency: 64 })).run({});
  source.expectLazy("64 at once", 64);
}, 60_000);

test(`${inWords(MANY)} items under a gate with slots, requests and tokens`, async () => {
  const source = new Source(MANY);
  const gate = new Gate({ concurrency: 32, rate: { requests: 1e9, tokens: 1e9, per: 1_000 } });
  await new Flow(batch(source, { concurrency: 64, gate })).run({});
  source.expectLazy("gated", 64);
  expect(gate.stats()).toMatchObject({ started: MANY, running: 0, waiting: 0 });
}, 60_000);

test(`${inWords(FEWER)} items of an async generator`, async () => {
  const source = new Source(FEWER);
  const busy = batch(source, { concurrency: 16 }, () => source.itemsLater());
  await new Flow(Object.assign(busy, { exec: () => turn() })).run({});
  source.expectLazy("an async generator", 16);
  expect(source.ahead).toBe(16);
}, 60_000);

test(`${inWords(FEWER)} items one by one, and as many iterations of a batch flow`, async () => {
  const one = new Source(FEWER);
  const hooks = { prep: () => one.items(), onResult: one.finish };
  await new Flow(Object.assign(new BatchNode(), hooks)).run({});
  one.expectLazy("one by one", 1);

  const walks = new Source(FEWER);
  const flow = new BatchFlow(node({ exec: async () => 1 }));
  await Object.assign(flow, { prep: () => walks.items(), onResult: walks.finish }).run({});
  walks.expectLazy("a batch flow", 1);
}, 60_000);

test(`${inWords(FEWER)} items with attempts, timeouts and failures that are collected`, async () => {
  const source = new Source(FEWER);
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
