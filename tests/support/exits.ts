// A program of its own, which exit.clock.test.ts bundles and starts: it runs one scene, says when its last await was
// over, and must then end by itself. `node exits.mjs <scene>`
import { setTimeout as sleep } from "node:timers/promises";
import { AsyncParallelBatchFlow, AsyncParallelBatchNode, Flow, Gate, node } from "sluice";
import { hooks, Log, places } from "./aborts.js";

const refusal = (seconds: number) =>
  Object.assign(new Error("429"), { status: 429, headers: { "retry-after": String(seconds) } });
const never = () => new Promise<never>(() => {});
const items = (length: number) => Array.from({ length }, (_, i) => ({ i }));
const batch = (length: number, options: object, exec: () => unknown) =>
  new Flow(Object.assign(new AsyncParallelBatchNode(options), { prep: () => items(length), exec }));

export const scenes: Record<string, () => Promise<unknown>> = {
  "a gate with slots and rates that bind": async () => {
    const gate = new Gate({ concurrency: 4, rate: { requests: 100, tokens: 1_000, per: 1_000, burst: 50 } });
    await batch(20, { gate, concurrency: 10 }, () => sleep(3)).run({});
  },
  "a private rate": async () => {
    await batch(10, { rate: { requests: 100, per: 1_000, burst: 10 } }, () => 1).run({});
  },
  "a very slow rate that was not used up": async () => {
    const gate = new Gate({ rate: { requests: 1, per: 86_400_000 } });
    await gate.run(() => 1);
  },
  "a pause after a 429": async () => {
    const gate = new Gate({ concurrency: 2 });
    let tries = 0;
    await gate.run(() => {
      if (tries++ === 0) throw refusal(0.1);
    });
  },
  "a pause that nobody waits for any more": async () => {
    const gate = new Gate({ maxPauses: 1, retryAfter: () => 30 });
    await gate.run(() => Promise.reject(new Error("no"))).catch(() => {});
    const later = new Gate();
    const { signal, abort } = controller();
    const waits = [1, 2, 3].map(() => later.run(() => Promise.reject(refusal(200)), { signal }));
    await sleep(20);
    abort();
    await Promise.allSettled(waits);
  },
  "timeouts, attempts and backoffs": async () => {
    let tries = 0;
    const exec = async () => {
      if (tries++ < 2) throw new Error("again");
      await sleep(5);
    };
    await new Flow(node({ timeout: 60_000, attempts: 3, backoff: 20, exec }), { timeout: 60_000 }).run({});
  },
  "an exec that a timeout has abandoned": async () => {
    const gate = new Gate({ concurrency: 1, rate: { requests: 1, per: 1_000 } });
    await new Flow(node({ gate, timeout: 20, exec: never })).run({}).catch(() => {});
  },
  "waiters of slots, permits and a pause that were aborted": async () => {
    const { signal, abort } = controller();
    const gates = [
      new Gate({ concurrency: 1 }),
      new Gate({ rate: { requests: 1, per: 3_600_000 } }),
      new Gate({ rate: { tokens: 1, per: 3_600_000, burst: 3_600_000 } }),
      new Gate({ retryAfter: () => 200_000 }),
    ];
    const calls = gates.flatMap((gate) =>
      Array.from({ length: 100 }, () =>
        gate.run(() => (gate === gates[3] ? Promise.reject(new Error("busy")) : never()), {
          signal,
          tokens: 0.9,
        }),
      ),
    );
    await sleep(120);
    abort();
    await Promise.allSettled(calls);
  },
  "a batch with 1,000 items waiting that was aborted": async () => {
    const gate = new Gate({ concurrency: 500, rate: { requests: 100, per: 1_000, burst: 20 } });
    const { signal, abort } = controller();
    const run = batch(2_000, { gate, concurrency: 1_000, timeout: 60_000 }, never).run({}, { signal });
    await sleep(150);
    abort();
    await run.catch(() => {});
  },
  "a parallel batch flow under a rate that was aborted": async () => {
    const { signal, abort } = controller();
    const gate = new Gate({ rate: { requests: 20, per: 1_000, burst: 50 } });
    const walks = new AsyncParallelBatchFlow(node({ gate, exec: never }), { gate });
    const run = new Flow(Object.assign(walks, { prep: () => items(100) })).run({}, { signal });
    await sleep(120);
    abort();
    await run.catch(() => {});
  },
  "a nested gate.run without ctx, watched for ten seconds": async () => {
    const gate = new Gate({ concurrency: 1 });
    const { signal, abort } = controller();
    const stuck = gate.run(async () => {
      await sleep(5);
      await gate.run(() => 1, { signal });
    });
    await sleep(20);
    abort();
    await stuck.catch(() => {});
  },
  "a run that is left waiting for ever on a slot": async () => {
    const gate = new Gate({ concurrency: 1 });
    void gate.run(never);
    void gate.run(() => 1);
    await sleep(20);
  },
  "every place where an abort can find a run": async () => {
    await sleep(20); // the files of this program are closed by then
    const before = active();
    const { signal, abort } = controller();
    const runs = [...places, ...hooks].map((place) => place.begin(signal, new Log(5)));
    const ended = Promise.allSettled(runs); // one that fails at once does so before the abort
    await sleep(20);
    abort();
    await ended;
    await sleep(60); // what the places themselves sleep
    if (active() !== before) throw new Error(`${before || "Nothing"} before, ${active()} after`);
  },
};

/** What holds this process. */
const active = (): string => process.getActiveResourcesInfo().sort().join(" ");

function controller() {
  const own = new AbortController();
  return { signal: own.signal, abort: () => own.abort() };
}

if (process.argv[2] !== undefined) {
  const scene = scenes[process.argv[2]];
  if (scene === undefined) throw new Error(`There is no scene ${process.argv[2]}`);
  await scene();
  const [over, cpu, { idle }] = [performance.now(), process.cpuUsage(), performance.eventLoopUtilization()];
  process.on("exit", () => {
    const { user, system } = process.cpuUsage(cpu);
    const waited = performance.eventLoopUtilization().idle - idle;
    const took = performance.now() - over;
    // Without the time in which it could have run, but the machine ran others.
    console.log(JSON.stringify({ took, held: Math.min(took, waited + (user + system) / 1_000) }));
  });
}
