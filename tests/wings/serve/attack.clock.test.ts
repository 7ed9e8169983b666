// Honest callers under attack, over real sockets: the server in one process, all callers in another.
import { expect, test, vi } from "vitest";
import { isFull, sized } from "../../support/size.js";
import type { Latencies, Round } from "./load/attack.js";
import { startPair } from "./load/pair.js";

const CALLERS = sized(500, 50);
const ROUNDS = sized(3, 1);
const CALLS = sized(2, 1);
const attack = { slow: sized(200, 40), leavers: sized(100, 10), flood: sized(200, 60) };
const peace = { slow: 0, leavers: 0, flood: 0 };
const { askServer, askCallers } = startPair("attacked.ts", "attack.ts");

const round = (who: typeof peace) =>
  askCallers<Latencies>({ callers: CALLERS, calls: CALLS, ...who } satisfies Omit<Round, "port">);

test(`${CALLERS} streaming callers beside ${attack.slow} slow bodies, ${attack.leavers} who hang up and a tenant who floods`, async () => {
  await round(peace); // warm
  const [quiet, attacked]: [number[], number[]] = [[], []];
  for (let at = 0; at < ROUNDS; at++) {
    for (const [who, into] of [
      [peace, quiet],
      [attack, attacked],
    ] as const) {
      const { answered, failed, p50, p99 } = await round(who);
      expect({ answered, failed }).toEqual({ answered: CALLERS * CALLS, failed: [] });
      into.push(p99);
      const what = who === attack ? "attacked" : "in peace";
      process.stdout.write(
        `tests/wings/serve: ${what}: p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms\n`,
      );
    }
  }
  const ratios = attacked.map((p99, at) => p99 / (quiet[at] as number));
  process.stdout.write(
    `tests/wings/serve: p99 under attack is ${ratios.map((ratio) => ratio.toFixed(2)).join(", ")} times that in peace\n`,
  );
  // What other programs do in one of the rounds is not ours.
  if (isFull) expect(Math.min(...ratios)).toBeLessThan(2);
  await vi.waitFor(async () => expect(await askServer("stats")).toMatchObject({ running: 0, waiting: 0 }), {
    timeout: 10_000,
    interval: 50,
  });
}, 300_000);
