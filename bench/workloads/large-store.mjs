// large-store: what a journal costs a run whose store has 10 MB, beside the same run with a store that has nothing.
import { sqlite } from "../lib/durable.mjs";
import { expectEqual } from "../lib/timing.mjs";

export const title = "A store of 10 MB in a durable run";
export const unit = "step";
export const clock = "wall";
export const adapter = "steps";
export const minRounds = 3;
export const cases = {
  "a chain of 1,000 steps of 10 ms": { steps: 1_000, target: 1.05 },
};
export const peers = {};
export const files = { baseline: "small-store", sluice: "large-store" };

export async function measure(steps, { steps: count }) {
  const place = sqlite();
  const { run, close } = await steps(place.url);
  expectEqual(await run("warm", 20), 20, "warm");
  const start = performance.now();
  expectEqual(await run("measured", count), count, "measured");
  const ms = performance.now() - start;
  await close();
  await place.close();
  return { ms };
}
