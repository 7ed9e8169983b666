// sluice with a fleet as its executor.
import { Fleet } from "sluice/bullmq";
import { flowOf } from "../lib/fleet-flow.mjs";

export const worker = "sluice";

export async function fleet(url, queue) {
  const executor = new Fleet({ connection: url, queue });
  return async (count, concurrency) => {
    const shared = { count, done: 0, sum: 0 };
    await flowOf({ executor, concurrency }).run(shared);
    if (shared.done !== count) throw new Error(`${shared.done} of ${count} results`);
    return shared.sum;
  };
}
