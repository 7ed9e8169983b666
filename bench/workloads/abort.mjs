// 8. abort: a run with 10,000 items waiting, 16 in flight, is aborted after 50 ms. How long until it rejects, and
// how much work begins after it? Once with calls that honour their signal, and once with calls that do not.
import { expectEqual, median } from "../lib/timing.mjs";

export const title = "Abort with 10,000 items waiting: until the run rejects";
export const unit = "abort";
export const maxRounds = 2;
export const clock = "wall";
export const adapter = "abort";
export const cases = {
  "calls that honour the signal": { honours: true },
  "calls that ignore it": { honours: false },
};
export const peers = { "p-limit clearQueue": { file: "p-limit" }, "p-map": {}, "p-queue": {}, effect: {} };

const COUNT = 10_000;
const LONG = 1_000;

const waiting = (signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, LONG);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });

export async function measure(abort, { honours }) {
  const times = [];
  let late = 0;
  for (let run = 0; run < 3; run++) {
    const controller = new AbortController();
    let begun = 0;
    let over = false;
    const exec = (_item, signal) => {
      begun++;
      if (over) late++;
      return waiting(honours ? signal : undefined);
    };
    const ended = abort(exec, COUNT, 16, controller.signal).then(
      () => "resolved",
      () => "rejected",
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    expectEqual(begun, 16, "begun before the abort");
    over = true;
    const start = performance.now();
    controller.abort(new Error("enough"));
    expectEqual(await ended, "rejected", "the run");
    times.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { ms: median(times), late };
}
