// A real HTTP load: callers in one process, the server in another, this one only asks and prints.
import { expect, test, vi } from "vitest";
import { sized } from "../../support/size.js";
import type { Outcome, Wave } from "./load/callers.js";
import { startPair } from "./load/pair.js";
import type { Report } from "./load/server.js";

const CALLERS = sized(500, 100);
const TOKENS = sized(50, 15);
const LEAVERS = sized(100, 50);
const { askServer, askCallers } = startPair("server.ts", "callers.ts", ["--expose-gc"]);

const report = () => askServer<Report>("report");
const send = (wave: Omit<Wave, "port">) => askCallers<Outcome>(wave);
const say = (line: string) => process.stdout.write(`tests/wings/serve: ${line}\n`);

test(`${CALLERS} callers at once on one flow object, ${TOKENS} tokens each: none mixed up, memory flat`, async () => {
  const heaps: number[] = [];
  for (const name of ["warm", "one", "two", "three"]) {
    const outcome = await send({ name, callers: CALLERS, tokens: TOKENS, pace: 40, hangUp: false });
    const told = await report();
    expect(outcome).toMatchObject({ whole: CALLERS, mixed: 0, failed: [] });
    expect(told).toMatchObject({ running: 0, waiting: 0, aborted: 0, unhandled: [], requests: CALLERS });
    heaps.push(told.heap / 1e6);
    say(
      `${CALLERS} callers × ${TOKENS} tokens, ${name}: ${outcome.seconds.toFixed(1)} s; server's own overhead for a whole request ` +
        `p50 ${told.p50.toFixed(1)} ms, p99 ${told.p99.toFixed(1)} ms; a token's way p50 ${outcome.tokenP50.toFixed(1)} ms, ` +
        `p99 ${outcome.tokenP99.toFixed(1)} ms; loop p99 ${told.loopP99.toFixed(1)} ms; heap ${(told.heap / 1e6).toFixed(1)} MB`,
    );
    // Honest slack for two busy cores: 25,000 tokens in about 2 s are written, sent, parsed and checked on them.
    expect(told.p99).toBeLessThan(5_000);
  }
  const [, first = 0] = heaps;
  expect((heaps.at(-1) ?? 0) - first, `heaps ${heaps.map((heap) => heap.toFixed(1))} MB`).toBeLessThan(5);
}, 120_000);

test(`${LEAVERS} callers who hang up midway leave nothing running`, async () => {
  const before = await report();
  const outcome = await send({
    name: "gone",
    callers: LEAVERS,
    tokens: sized(200, 50),
    pace: 20,
    hangUp: true,
  });
  expect(outcome).toMatchObject({ hungUp: LEAVERS, failed: [] });
  const after = await vi.waitFor(
    async () => {
      const told = await report();
      expect(told.running).toBe(0);
      expect(told.resources).toEqual(before.resources);
      return told;
    },
    { timeout: 5_000, interval: 100 },
  );
  expect(after.begun - before.begun).toBe(LEAVERS);
  expect(after.aborted - before.aborted).toBe(LEAVERS);
  expect(after.unhandled).toEqual([]);
  say(`${LEAVERS} callers hung up: as many runs aborted; left in the process: ${after.resources.join(", ")}`);
}, 60_000);
