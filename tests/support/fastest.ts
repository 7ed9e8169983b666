/**
 * The first measurement under the limit, or the least of five: what a busy machine adds to one is not ours, and what is
 * ours is in each of them.
 */
export async function fastest(limit: number, measure: () => Promise<number>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5 && best >= limit; round++) best = Math.min(best, await measure());
  return best;
}
