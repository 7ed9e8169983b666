import { setTimeout as sleep } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
import { AsyncParallelBatchFlow, AsyncParallelBatchNode, Flow, Gate, node } from "sluice";
import { showProgress } from "sluice/progress";
import stringWidth from "string-width";
import { describe, expect, test, vi } from "vitest";
import { Board, type Row } from "../../../src/wings/progress/board.js";
import { barLines, duration, errorLine, nameOf, pauseLine } from "../../../src/wings/progress/lines.js";
import { deferred, turn } from "../../support/deferred.js";

/** A stream that keeps what was written, as a terminal or as a file. */
function output(isTTY: boolean, columns = 100) {
  const written: string[] = [];
  const stream = Object.assign({
    write: (text: string) => written.push(text) > 0,
    isTTY,
    columns,
    rows: 10,
  });
  return { stream, text: () => stripVTControlCharacters(written.join("")), written };
}

class Items extends AsyncParallelBatchNode<object, number, number, "throw" | "collect"> {
  work: (n: number) => unknown = () => {};
  override prep() {
    return Array.from({ length: 20 }, (_, n) => n);
  }
  override async exec(n: number) {
    await this.work(n);
    return n;
  }
}

describe("plain lines", () => {
  test("each batch has a line when it ends, with what failed", async () => {
    const { stream, text } = output(false);
    const { events } = await showProgress({ stream });
    const items = new Items({ name: "Read", onError: "collect" });
    items.work = (n) => {
      if (n % 10 === 3) throw new Error("bad");
    };
    items.next(new Items({ name: "Write" }));
    await new Flow(items, { name: "Main" }).run({}, { events });
    expect(text()).toMatch(
      /^done: Read: 20 of 20, 100 %, 2 failed, [\d,]+\/s, 0\.\d s\n {2}most frequent error, 2 of 2: Error: bad\ndone: Write: 20 of 20, 100 %, [\d,]+\/s, 0\.\d s\n$/,
    );
  });

  test("a batch that fails or is stopped says so", async () => {
    const { stream, text } = output(false);
    const { events } = await showProgress({ stream });
    const items = new Items({ concurrency: 1 });
    items.work = (n) => {
      if (n === 4) throw new Error("bad");
    };
    await new Flow(items).run({}, { events }).catch(() => {});
    expect(text()).toMatch(
      /^Items: 4 of 20, 20 %, failed, [\d,]+\/s, 0\.\d s\n {2}most frequent error, 1 of 1: Error: bad\n$/,
    );
  });

  test("of several runs at once each is named by its flow, by its id too where flows share a name, with its reason", async () => {
    const { stream, text } = output(false);
    const { events } = await showProgress({ stream });
    const flowOf = (name: string, reason?: string) => {
      const items = new Items({ name: "Summarise", onError: "collect", maxFailures: 0 });
      items.work = (n) =>
        turn().then(() => (n === 1 && reason !== undefined ? Promise.reject(new Error(reason)) : n));
      return new Flow(items, { name });
    };
    const runs = [
      flowOf("News", "no paper").run({}, { events, runId: "b0a1e7c2-4a3b-4f3e-9d5e-2f1c6d7e8f90" }),
      flowOf("Mail").run({}, { events, runId: "inbox" }),
      flowOf("Mail").run({}, { events, runId: "sent" }),
    ];
    await Promise.allSettled(runs);
    const lines = text().trimEnd().split("\n");
    expect(lines.map((line) => line.replace(/:.*/, "")).sort()).toEqual([
      "  SluiceError",
      "News › Summarise",
      "done",
      "done",
    ]);
    expect(text()).toContain("done: Mail (inbox) › Summarise: 20 of 20");
    expect(text()).toContain("done: Mail (sent) › Summarise: 20 of 20");
    expect(text()).toMatch(/News › Summarise: .*failed.*\n {2}SluiceError: .*no paper/);
    // One alone has its short name again.
    await flowOf("Mail").run({}, { events });
    expect(text().trimEnd().split("\n").at(-1)).toMatch(/^done: Summarise: 20 of 20/);
  });

  test("a long batch is reported periodically, once for each change", async () => {
    const { stream, written } = output(false);
    const { events } = await showProgress({ stream, interval: 5 });
    const held = deferred();
    const items = new Items({ concurrency: 2 });
    items.work = (n) => (n === 3 ? held.promise : undefined);
    const run = new Flow(new Flow(items, { name: "Inner" }), { name: "Main" }).run({}, { events });
    await vi.waitFor(() => expect(written.at(-1)).toContain("19 of 20"), 10_000);
    const first = written.length;
    await sleep(18);
    expect(written.length).toBe(first);
    held.resolve();
    await run;
    expect(written.at(first - 1)).toMatch(/^Inner › Items: 19 of 20, 95 %, .+ left\n$/);
    expect(written.at(-1)).toMatch(/^done: Inner › Items: 20 of 20/);
  });
});

describe("lines of a terminal", () => {
  const rowOf = (name: string, more: Partial<Row> = {}): Row => ({
    runId: "1",
    path: ["Main", name],
    began: 0,
    progress: undefined,
    batch: true,
    waiting: 0,
    errors: new Map(),
    ended: undefined,
    ...more,
  });
  const progress = (done: number, total: number, failed = 0) =>
    ({ done, total, failed, rate: 8.3, remaining: 373_000 }) as never;
  const rows = [
    rowOf("Load", { progress: progress(5_000, 5_000), ended: { at: 4_200, outcome: "done" } }),
    rowOf("要約する👩‍👩‍👧", { progress: progress(1_903, 5_000, 4), waiting: 24 }),
    rowOf("A batch with a name that is much longer than others, of file 17", {
      progress: progress(7, 20, 1_234),
    }),
  ];

  test("stand below each other, wide letters and emoji too, and cut a long name in its middle", () => {
    expect(barLines(rows, 10_000, 130)).toEqual([
      "✓ Load                            ━━━━━━━━━━━━━━━━━━━━━━━━  5,000 of 5,000  100 %                8.3/s          4.2 s",
      "› 要約する👩‍👩‍👧                      ━━━━━━━━━┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄  1,903 of 5,000   38 %      4 failed  8.3/s  6 m 13 s left  24 waiting",
      "› A batch with a …rs, of file 17  ━━━━━━━━┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄         7 of 20   35 %  1,234 failed  8.3/s  6 m 13 s left",
    ]);
  });

  test.each([200, 130, 100, 80, 60, 40, 30, 24])("fit %i columns, and never lose failures", (columns) => {
    const lines = barLines(rows, 10_000, columns);
    for (const line of lines) expect(stringWidth(line)).toBeLessThan(columns);
    expect(lines[1]).toContain(" 4 failed");
    expect(lines[2]).toContain("1,234 failed");
    const starts = lines.slice(1).map((line) => stringWidth(line.slice(0, line.indexOf(" failed"))));
    expect(new Set(starts).size).toBe(1);
    expect(lines[2]).toMatch(columns >= 60 ? /^› A .*….*17 / : /^› /);
  });

  test("say that a run has failed whatever the width", () => {
    const failed = rowOf("A batch with a name that is long", {
      progress: progress(12_345, 50_000, 3),
      ended: { at: 1, outcome: "failed" },
    });
    expect(barLines([failed], 1, 30)[0]).toMatch(/^✗ A ba….* 3 failed {2}failed$/);
  });

  test("an error is counted with those that differ in numbers only", () => {
    const board = new Board();
    const about = { type: "item", runId: "1", path: ["Main"], index: 0, parent: 1, at: 0, id: 2 } as const;
    board.step({ ...about, type: "step", phase: "start", id: 1, parent: 0 } as never);
    for (const error of [
      new TypeError("page 3 is empty"),
      "a text",
      new TypeError("page 12 is empty"),
      null,
    ]) {
      board.item({ ...about, phase: "end", outcome: "failed", error } as never);
    }
    board.item({ ...about, phase: "end", outcome: "done" } as never);
    const row = board.rows.get("1 1") as Row;
    expect(errorLine(row)).toBe("  most frequent error, 2 of 2: TypeError: page 3 is empty");
    expect(row.errors.size).toBe(3);
    expect(errorLine(rowOf("x"))).toBeUndefined();
  });
});

test.each([
  ["whose width is not known", { columns: undefined }],
  ["of no columns", { columns: 0 }],
])("a terminal %s gets plain lines", async (_what, more) => {
  const { stream, text } = output(true);
  const { events } = await showProgress({ stream: { ...stream, ...more } as never, live: true });
  await new Flow(new Items()).run({}, { events });
  expect(text()).toMatch(/^done: Items: 20 of 20, 100 %/);
});

describe("a live display", () => {
  test("redraws lines of batches at once, waits at a gate and pauses, and keeps what has ended", async () => {
    const { stream, text } = output(true, 130);
    const { events } = await showProgress({ stream, live: true, interval: 5 });
    const gate = new Gate({ name: "vendor", concurrency: 2 });
    let refusals = 0;
    const items = new Items({ gate, name: "Ask" });
    items.work = async (n) => {
      await sleep(2);
      if (n === 9 && refusals++ === 0) {
        throw Object.assign(new Error("429"), { status: 429, headers: { "retry-after-ms": "30" } });
      }
    };
    await new Flow(items, { name: "Main" }).run({}, { events });
    expect(text()).toMatch(
      /› Ask {2}━+┄+ {2}\d+ of 20 {2}\d+ % {2}[\d.,]+\/s {2}[\d.]+ s left {2}\d+ waiting/,
    );
    expect(text()).toMatch(/Gate vendor is paused by the vendor, 0\.0 s to go/);
    expect(text()).toMatch(/✓ Ask {2}━{24} {2}20 of 20 {2}100 %/);
  });

  test("a pause is not shown once it is over, also where no call has come after it", () => {
    const board = new Board();
    const about = { type: "gate", runId: "1", path: ["Main"], index: undefined, parent: 1, at: 0 } as const;
    board.gate({ ...about, gate: "vendor", phase: "paused", until: 1_000 });
    expect(board.paused(999)).toEqual([{ gate: "vendor", until: 1_000 }]);
    expect(board.paused(1_000)).toEqual([]);
  });

  test("no line is longer than the terminal, and not more are drawn than fit", async () => {
    const { stream, text } = output(true, 40);
    const { events } = await showProgress({ stream, live: true, interval: 3 });
    const held = deferred();
    class Chapters extends AsyncParallelBatchFlow<object, { n: number }> {
      override prep() {
        return Array.from({ length: 30 }, (_, n) => ({ n }));
      }
    }
    const inner = new Items({ name: "A batch with a name that is long" });
    inner.work = (n) => (n === 19 ? held.promise : undefined);
    const run = new Flow(new Chapters(inner, { concurrency: 30 })).run({}, { events });
    await vi.waitFor(() => expect(text()).toContain("and 23 more"), 10_000);
    held.resolve();
    await run;
    for (const line of text().split("\n")) expect(line.length).toBeLessThan(80);
  });

  test("names cannot steer the terminal", () => {
    const name = nameOf({ path: ["Main", "a\u001b[31m\u0007b\nc\u202e", "", 3, "d"] });
    expect(name).toBe("a [31m b c › ? [3] › d");
    expect(pauseLine({ gate: "\u001b]0;x\u0007", until: 5_000 }, 0)).toBe(
      "Gate ]0;x is paused by the vendor, 5.0 s to go",
    );
  });
});

test("a display serves several runs, also at once, and holds no timer between them", async () => {
  const { stream, text } = output(false);
  const { events } = await showProgress({ stream, interval: 5 });
  const set = vi.spyOn(globalThis, "setInterval");
  const clear = vi.spyOn(globalThis, "clearInterval");
  const flow = new Flow(new Items());
  await Promise.all([flow.run({}, { events }), flow.run({}, { events })]);
  await flow.run({}, { events });
  expect(text().match(/^done: (Flow \([\da-f]{8}\) › )?Items: 20 of 20/gm)).toHaveLength(3);
  expect(set).toHaveBeenCalledTimes(2);
  for (const { value } of set.mock.results) expect(clear).toHaveBeenCalledWith(value);
  vi.restoreAllMocks();
});

test("a stream that throws harms no run", async () => {
  const broken = {
    write: () => {
      throw new Error("EPIPE");
    },
  };
  const { events } = await showProgress({ stream: broken, interval: 2 });
  const told = vi.fn();
  events.on("listenerError", told);
  const items = new Items();
  items.work = () => sleep(5);
  await new Flow(items).run({}, { events });
  await turn();
  expect(told).toHaveBeenCalled();
});

test("steps that are short, and runs without batches, say nothing", async () => {
  const { stream, text } = output(false);
  const { events } = await showProgress({ stream, interval: 1 });
  await new Flow(node({ exec: () => sleep(10) })).run({}, { events });
  expect(text()).toBe("");
});

test("options are checked", async () => {
  await expect(showProgress({ stream: {} as never })).rejects.toThrow(/`stream` to be a stream to write to/);
  await expect(showProgress({ every: 1 } as never)).rejects.toThrow(/unknown option.+every/is);
});

test.each([
  [0, "0.0 s"],
  [9_940, "9.9 s"],
  [59_400, "59 s"],
  [75_000, "1 m 15 s"],
  [7_500_000, "2 h 5 m"],
])("%d ms reads %s", (ms, text) => expect(duration(ms)).toBe(text));
