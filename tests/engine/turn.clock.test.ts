// Hooks that never wait: the event loop gets a turn every 40 ms all the same, however many workers and runs
// there are, and a run that is shorter costs it nothing. What is counted is the work done between two turns,
// so a busy machine changes nothing.
import { setTimeout as sleep } from "node:timers/promises";
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  BatchNode,
  Flow,
  Gate,
  node,
  parallel,
} from "sluice";
import { describe, expect, test, vi } from "vitest";

/** Counts the steps between two turns of the event loop. */
class Steps {
  most = 0;
  total = 0;
  turns = 0;
  readonly #ms: number;
  #sinceTurn = 0;
  #end: number;
  #watching = true;

  constructor(ms: number, steps: number) {
    this.#ms = ms;
    this.#end = steps;
    const turn = () => {
      this.turns++;
      this.#sinceTurn = 0;
      if (this.#watching) setImmediate(turn);
    };
    setImmediate(turn);
  }

  /** Takes its time, as a sync hook does. */
  readonly step = () => {
    const until = performance.now() + this.#ms;
    while (performance.now() < until);
    this.total++;
    this.most = Math.max(this.most, ++this.#sinceTurn);
  };

  get going(): boolean {
    return this.total < this.#end;
  }

  *items() {
    while (this.going) yield { item: this.total };
  }

  stop(): void {
    this.#watching = false;
  }
}

const loop = (steps: Steps, hook: "prep" | "exec" | "post" = "exec") => {
  const again = () => (steps.going ? "again" : "done");
  const hooks = hook === "post" ? {} : { [hook]: steps.step };
  const post = () => {
    if (hook === "post") steps.step();
    return again();
  };
  const looping = node({ ...hooks, post });
  looping.on("again", looping).end("done");
  return new Flow(looping);
};
const batch = (steps: Steps, concurrency: number, options = {}, hooks = {}) =>
  new Flow(
    Object.assign(new AsyncParallelBatchNode({ concurrency, ...options }), {
      prep: () => steps.items(),
      exec: steps.step,
      ...hooks,
    }),
  );

const workloads: [string, (steps: Steps) => Flow][] = [
  ["a loop", (steps) => loop(steps)],
  ["a loop with its work in prep", (steps) => loop(steps, "prep")],
  ["a loop with its work in post", (steps) => loop(steps, "post")],
  ["64 branches", (steps) => new Flow(parallel(Array.from({ length: 64 }, () => loop(steps))))],
  [
    "items one by one",
    (steps) => new Flow(Object.assign(new BatchNode(), { prep: () => steps.items(), exec: steps.step })),
  ],
  ["16 workers", (steps) => batch(steps, 16)],
  ["64 workers", (steps) => batch(steps, 64)],
  ["64 workers with onResult", (steps) => batch(steps, 64, {}, { onResult: () => {} })],
  [
    "64 workers that do it in onResult",
    (steps) => batch(steps, 64, {}, { exec: () => 1, onResult: steps.step }),
  ],
  ["64 workers with async exec", (steps) => batch(steps, 64, {}, { exec: async () => steps.step() })],
  ["64 workers under a gate of 8", (steps) => batch(steps, 64, { gate: new Gate({ concurrency: 8 }) })],
  ["64 workers with timeouts", (steps) => batch(steps, 64, { timeout: 60_000 })],
  [
    "attempts without backoff",
    (steps) =>
      new Flow(
        node({
          attempts: 1e9,
          exec: () => {
            steps.step();
            if (steps.going) throw new Error("again");
          },
        }),
      ),
  ],
  [
    "64 iterations at once",
    (steps) =>
      new Flow(
        Object.assign(new AsyncParallelBatchFlow(node({ exec: steps.step }), { concurrency: 64 }), {
          prep: () => steps.items(),
        }),
      ),
  ],
];

describe("between two turns hooks take no more than 60 ms of sync work:", () => {
  test.each(workloads)("%s", async (_, make) => {
    const steps = new Steps(2, 120);
    await make(steps).run({});
    steps.stop();
    expect(steps.total).toBeGreaterThanOrEqual(120);
    expect(steps.most * 2).toBeLessThanOrEqual(60);
  });

  test("64 runs at once", async () => {
    const steps = new Steps(2, 120);
    await Promise.all(Array.from({ length: 64 }, () => loop(steps).run({})));
    steps.stop();
    expect(steps.most * 2).toBeLessThanOrEqual(60);
  });

  test("quick steps, and then slow ones", async () => {
    const steps = new Steps(2, 100);
    let quick = 0;
    const looping = node({
      exec: () => (quick++ < 5_000 ? undefined : steps.step()),
      post: () => (steps.going ? "again" : "done"),
    });
    looping.on("again", looping).end("done");
    await new Flow(looping).run({});
    steps.stop();
    expect(steps.most * 2).toBeLessThanOrEqual(60 + 16 * 2); // the clock is read at every 16th quick step
  });
});

test("after a faked clock was given back, while a run of the faked time is still there", async () => {
  let end = () => {};
  const stuck = node({
    exec: () =>
      new Promise<void>((resolve) => {
        end = resolve;
      }),
  });
  vi.useFakeTimers({ toFake: ["performance"] });
  vi.advanceTimersByTime(3_600_000);
  const left = stuck.run({});
  vi.useRealTimers();
  const steps = new Steps(2, 120);
  await loop(steps).run({});
  steps.stop();
  end();
  await left;
  expect(steps.most * 2).toBeLessThanOrEqual(60);
});

describe("a run whose hooks never wait", () => {
  test("takes no turn in its first 40 ms", async () => {
    let turned = false;
    setImmediate(() => {
      turned = true;
    });
    let count = 0;
    const looping = node({ post: () => (count++ < 100 ? "again" : "done") });
    looping.on("again", looping).end("done");
    await new Flow(looping).run({});
    expect(count).toBe(101);
    expect(turned).toBe(false);
  });

  test("lets a timer of others fire meanwhile, and all its workers go on", async () => {
    const steps = new Steps(2, 150);
    const seen = new Set<number>();
    const due = performance.now() + 50;
    const timer = sleep(50).then(() => performance.now() - due);
    let fired: number | undefined;
    void timer.then((late) => {
      fired = late;
    });
    await batch(steps, 8, {}, { exec: (item: { item: number }) => seen.add(item.item) && steps.step() }).run(
      {},
    );
    steps.stop();
    expect(fired).toBeDefined();
    expect(steps.turns).toBeGreaterThan(3);
    expect(seen.size).toBeGreaterThan(10);
  });
});
