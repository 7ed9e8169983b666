// How long a lone call waits, by the clock. The figure is printed.
import { batched } from "sluice/batching";
import { expect, test } from "vitest";
import { fastest } from "../../support/fastest.js";

const SERVICE = 5;
const work = (items: readonly number[]) =>
  new Promise<number[]>((resolve) => setTimeout(() => resolve([...items]), SERVICE));

const median = (times: number[]) => times.sort((a, b) => a - b)[Math.floor(times.length / 2)] as number;

test("a lone call takes at most 2 ms longer than an unbatched one", async () => {
  const single = batched(work, { maxWait: 1_000 });
  await single(0);
  const longer = await fastest(2, async () => {
    const times = { single: [] as number[], plain: [] as number[] };
    for (let n = 0; n < 50; n++) {
      let startedAt = performance.now();
      await work([n]);
      times.plain.push(performance.now() - startedAt);
      startedAt = performance.now();
      await single(n);
      times.single.push(performance.now() - startedAt);
    }
    const [plain, batch] = [median(times.plain), median(times.single)];
    process.stdout.write(
      `a lone call of ${SERVICE} ms, median of 50: unbatched ${plain.toFixed(2)} ms, batched ${batch.toFixed(2)} ms\n`,
    );
    return batch - plain;
  });
  expect(longer).toBeLessThan(2);
});

test("a call that comes rarely does not wait either while an earlier one is out", async () => {
  const maxWait = 10;
  const sizes: number[] = [];
  const slow = batched(
    async (items: readonly number[]) => {
      sizes.push(items.length);
      await new Promise((resolve) => setTimeout(resolve, 120));
      return [...items];
    },
    { maxWait },
  );
  await slow(0);
  const limit = 120 + maxWait;
  const ms = await fastest(limit, async () => {
    const times: number[] = [];
    const calls: Promise<unknown>[] = [];
    for (let n = 0; n < 6; n++) {
      const startedAt = performance.now();
      calls.push(slow(n).then(() => times.push(performance.now() - startedAt)));
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    await Promise.all(calls);
    return median(times);
  });
  expect(new Set(sizes)).toEqual(new Set([1]));
  expect(ms).toBeLessThan(limit);
});
