// A flow whose batch computes; its module is what the threads of its executor load.
import { isMainThread, threadId } from "node:worker_threads";
import {
  AsyncParallelBatchNode,
  type Context,
  Flow,
  type OnError,
  type ParallelBatchNodeOptions,
} from "sluice";

export interface Shared {
  below: number[];
  found?: unknown[];
}

export class Primes extends AsyncParallelBatchNode<Shared, number, unknown> {
  override prep(shared: Shared) {
    return shared.below;
  }
  override async exec(
    below: number,
    { emit, charge, attempt, key, idempotencyKey, params, lastError, ask }: Context,
  ) {
    if (below === -1) throw Object.assign(new RangeError(`below ${below} at ${attempt}`), { status: 500 });
    if (below === -2) for (;;);
    if (below === -3) await ask("?");
    await emit(`${below} begins`);
    charge(below);
    let count = 0;
    for (let n = 2; n < below; n++) {
      let isPrime = true;
      for (let d = 2; d * d <= n && isPrime; d++) isPrime = n % d !== 0;
      if (isPrime) count++;
    }
    const last = (lastError as Error | undefined)?.message;
    return { count, isMainThread, threadId, key, idempotencyKey, params, last };
  }
  override post(shared: Shared, _below: unknown, found: unknown[]) {
    shared.found = found;
  }
}

export const createFlow = (options: ParallelBatchNodeOptions<Shared, OnError> = {}) =>
  new Flow<Shared>(new Primes({ concurrency: 4, ...(options as object), name: "Primes" }), { name: "Count" });
