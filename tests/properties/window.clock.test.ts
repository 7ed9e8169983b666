// The promise about windows, once more on the real clock.
import { AsyncParallelBatchNode, Flow, Gate, type Rate } from "sluice";
import { expect, test } from "vitest";
import { sleep } from "../support/fake-clock.js";
import { withLag } from "../support/lag.js";
import { brokenWindow, type Spent } from "../support/windows.js";

test("every window of starts keeps the promise on the real clock", async () => {
  const rate: Rate = { requests: 300, tokens: 30_000, per: 1_000, burst: 150 };
  const gate = new Gate({ concurrency: 40, rate });
  const spent: Spent[] = [];
  class Items extends AsyncParallelBatchNode<object, number, void> {
    override prep() {
      return Array.from({ length: 250 }, (_, i) => i);
    }
    override cost(item: number) {
      return (item * 37) % 240;
    }
    override async exec(item: number) {
      spent.push({ at: performance.now(), requests: 1, tokens: this.cost(item) });
      await sleep((item * 13) % 60);
    }
  }
  const flow = new Flow(new Items({ gate, concurrency: 50 }));
  const single = async (i: number) => {
    await sleep(i * 50);
    await gate.run(() => spent.push({ at: performance.now(), requests: 1, tokens: 500 }), { tokens: 500 });
  };
  const singles = Array.from({ length: 20 }, (_, i) => i);
  const zero = performance.now();
  const { lag } = await withLag(() => Promise.all([flow.run({}), flow.run({}), ...singles.map(single)]));
  const took = performance.now() - zero;
  console.log(`window: 520 calls in ${took.toFixed(0)} ms, longest stall ${lag.toFixed(1)} ms`);
  expect(spent).toHaveLength(520);
  expect(brokenWindow(spent, rate, lag)).toBeUndefined();
  const tokens = spent.reduce((sum, each) => sum + each.tokens, 0);
  expect(took).toBeLessThanOrEqual((tokens / 30_000) * 1_000 * 1.03 + lag); // the tokens are what binds
});
