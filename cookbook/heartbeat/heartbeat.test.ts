import { afterEach, expect, test, vi } from "vitest";
import { createBeatFlow, keepBeating, type Shared, type State } from "./heartbeat.js";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A service that answers with one of these at each beat: a status, or an error. */
function serve(...answers: (number | Error)[]) {
  vi.stubGlobal("fetch", async () => {
    const answer = answers.shift() ?? 200;
    if (answer instanceof Error) throw answer;
    return new Response(null, { status: answer });
  });
}
const storeOf = (): Shared => ({ urls: ["http://a/"], reported: new Map(), states: [] });

test("each beat finds what the last one left, and only a change is reported", async () => {
  serve(200, 200, 503, 503, 200);
  const reports: string[] = [];
  const flow = createBeatFlow((changes) => void reports.push(...changes.map(({ detail }) => detail)));
  const shared = storeOf();
  const ends = [];
  for (let beat = 0; beat < 5; beat++) ends.push(await flow.run(shared));
  expect(reports).toEqual(["status 200", "status 503", "status 200"]);
  expect(ends[1]).toBe("as before");
});

test("an address that does not answer is down, by the reason behind fetch failed", async () => {
  const refused = () => new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") });
  serve(refused(), refused());
  const reports: State[] = [];
  await createBeatFlow((changes) => void reports.push(...changes)).run(storeOf());
  expect(reports).toEqual([{ url: "http://a/", isUp: false, detail: "connect ECONNREFUSED" }]);
});

test("what could not be reported is reported by the next beat", async () => {
  vi.useFakeTimers();
  let isBroken = true;
  const reports: State[] = [];
  const flow = createBeatFlow((changes) => {
    if (isBroken) throw new Error("no chat");
    reports.push(...changes);
  });
  serve(200, 200);
  const shared = storeOf();
  const failed = expect(flow.run(shared)).rejects.toThrow("no chat");
  await vi.runAllTimersAsync();
  await failed;
  isBroken = false;
  await flow.run(shared);
  expect(reports).toHaveLength(1);
});

test("beats do not overlap, survive a failure, and end with the signal when the last one has ended", async () => {
  vi.useFakeTimers({ now: 0 });
  const stop = new AbortController();
  const problems: string[] = [];
  const ends: (() => void)[] = [];
  let beats = 0;
  const beat = async () => {
    beats++;
    if (beats === 1) throw new Error("first");
    await new Promise<void>((resolve) => ends.push(resolve));
  };
  let isOver = false;
  const over = keepBeating("* * * * * *", beat, stop.signal, (error) =>
    problems.push((error as Error).message),
  );
  void over.then(() => (isOver = true));
  await vi.advanceTimersByTimeAsync(3_500);
  expect(beats).toBe(2); // at once and at 1 s; that of 1 s still runs at 2 s and 3 s
  expect(new Set(problems)).toEqual(new Set(["first", "The last beat still runs: this one is skipped"]));
  stop.abort();
  await vi.advanceTimersByTimeAsync(5_000);
  expect([beats, isOver]).toEqual([2, false]);
  ends[0]?.();
  await over;
});

test("a pattern that is none is named before the first beat", async () => {
  const beat = vi.fn();
  await expect(keepBeating("often", beat, new AbortController().signal, () => {})).rejects.toThrow("often");
  expect(beat).not.toHaveBeenCalled();
});
