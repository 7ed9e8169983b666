// shared-gate: how long a call waits for a limit that does not bind, shared in Redis beside one of the process' own.
import { startServer } from "../lib/fleet.mjs";

export const title = "A limit in Redis that does not bind: how long a call waits, at p99";
export const unit = "call";
export const clock = "wall";
export const adapter = "gates";
export const cases = {
  "32 callers, one call of 20 ms after another": { callers: 32, calls: 150, moreTarget: 1 },
};
export const peers = {};
export const files = { baseline: "local-gate", sluice: "shared-gate" };
export const minRounds = 5;

export async function measure(gateOf, { callers, calls }) {
  const server = await startServer();
  const { gate, close } = await gateOf(server.url);
  const caller = async (count) => {
    const waits = [];
    for (let at = 0; at < count; at++) {
      const asked = performance.now();
      const begun = await gate.run(async () => {
        const start = performance.now();
        await new Promise((resolve) => setTimeout(resolve, 20));
        return start;
      });
      waits.push(begun - asked);
    }
    return waits;
  };
  const all = async (count) =>
    (await Promise.all(Array.from({ length: callers }, () => caller(count)))).flat();
  await all(20);
  await new Promise((resolve) => setTimeout(resolve, 2_000)); // a new limit grants nothing for a second
  const waits = (await all(calls)).sort((a, b) => a - b);
  await close();
  await server.stop();
  return { ms: waits[Math.floor(waits.length * 0.99)] };
}
