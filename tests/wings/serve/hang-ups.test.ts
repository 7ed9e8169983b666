// Callers who hang up while a flow is stuck: a stranger must not be able to fill the memory of a server with them.
import { setTimeout as sleep } from "node:timers/promises";
import { Flow, Gate, node } from "sluice";
import { createHandler } from "sluice/serve";
import { expect, test } from "vitest";
import { inWords, sized } from "../../support/size.js";

const COUNT = sized(10_000, 1_000);

/** Heap in use once garbage is gone, in bytes. */
async function heap(): Promise<number> {
  for (let round = 0; round < 4; round++) {
    (globalThis as { gc?: () => void }).gc?.();
    await sleep(10);
  }
  return process.memoryUsage().heapUsed;
}

test(`${inWords(COUNT)} hang-ups at a gate that is stuck keep less than 1 kB each`, async () => {
  const gate = new Gate({ concurrency: 1 });
  const stuck = new AbortController();
  const holder = gate.run(() => new Promise(() => {}), { signal: stuck.signal }).catch(() => {});
  const ask = node({ prep: (shared: { q: string }) => shared.q, exec: async (q) => q, gate });
  const handler = createHandler(new Flow(ask, { name: "Ask" }), {
    limits: { running: COUNT, waiting: COUNT },
  });
  const hangUp = async () => {
    const gone = new AbortController();
    const body = JSON.stringify({ q: "x".repeat(100) });
    const headers = { "content-type": "application/json" };
    const request = new Request("http://x/", { method: "POST", body, headers, signal: gone.signal });
    const { status } = await Promise.all([handler(request), sleep(2).then(() => gone.abort())]).then(
      ([response]) => response,
    );
    expect(status).toBe(499);
  };
  const wave = async () => {
    for (let begun = 0; begun < COUNT; begun += 100) await Promise.all(Array.from({ length: 100 }, hangUp));
  };
  await wave();
  const before = await heap();
  await wave();
  expect(((await heap()) - before) / COUNT).toBeLessThan(1_000);
  expect(gate.stats()).toMatchObject({ running: 1, waiting: 0 });
  stuck.abort();
  await holder;
});
