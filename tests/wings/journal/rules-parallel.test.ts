import { Flow, node, parallel } from "sluice";
import { expect, test } from "vitest";
import { Started, type Store } from "./support/started.js";

const never = () => new Promise<never>(() => {});

/** Branches of one `parallel`: `good` and `bad` end, `slow` waits in the first process, which is killed there. */
function race(until: "all" | "settled" | "any") {
  const calls: string[] = [];
  let isStuck = true;
  let reached = () => {};
  const killed = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const branch = (name: string, exec: () => unknown) =>
    node({
      name,
      exec: async () => {
        calls.push(name);
        return exec();
      },
      post: (shared: Store, _none: undefined, result: unknown) => void (shared[name] = result),
    });
  const flow = () => {
    const good = branch("good", () => 1);
    const bad = branch("bad", () => {
      throw new Error("no");
    });
    const slow = branch("slow", () => {
      if (!isStuck) return 2;
      reached();
      return never();
    });
    const options = { name: "All", until };
    const all =
      until === "settled"
        ? parallel<Store>([good, bad, slow], {
            ...options,
            until,
            post: (shared, _none, outcomes) => {
              shared.outcomes = outcomes.map(({ status }) => status);
            },
          })
        : parallel<Store>(until === "any" ? [bad, slow] : [good, slow], { ...options, until });
    return new Flow<Store>(all, { name: "Main" });
  };
  const goOn = () => {
    isStuck = false;
  };
  return { calls, flow, killed, goOn };
}

test.each([
  ["all", { good: 1, slow: 2 }],
  ["settled", { good: 1, slow: 2, outcomes: ["fulfilled", "rejected", "fulfilled"] }],
  ["any", { slow: 2 }],
] as const)(
  "parallel until %s ends as without a kill, and a branch that had ended is not called again",
  async (until, store) => {
    const started = new Started();
    const { calls, flow, killed, goOn } = race(until);
    void started.run(flow());
    await killed;
    const isDone = () =>
      until === "any" ||
      started.driver.load("r", ["walk", "store"]).some(({ value }) => String(value).includes("good"));
    while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 1));
    started.kill();
    goOn();
    expect((await started.run(flow())).store).toEqual(store);
    expect(calls.filter((name) => name === "good").length).toBeLessThanOrEqual(1);
    expect(calls.filter((name) => name === "slow")).toHaveLength(2);
  },
);
