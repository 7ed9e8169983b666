// The Chrome trace-event JSON: what the format asks for, and lanes that viewers can draw.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { recordTrace } from "sluice/trace";
import { expect, test } from "vitest";
import { type ChromeEvent, chromeEvents } from "../../src/cli/chrome-events.js";
import { TraceModel } from "../../src/view/model/trace-model.js";
import { batchFlow, scratch } from "../support/traced-flows.js";

const folder = scratch();

async function convert(count: number): Promise<ChromeEvent[]> {
  const trace = recordTrace(join(folder, "run.jsonl"));
  const runs = [batchFlow(count, "A"), batchFlow(count, "B")].map((flow) =>
    flow.run({}, { events: trace.events }),
  );
  await Promise.all(runs);
  await trace.close();
  const model = new TraceModel();
  for (const line of readFileSync(trace.path, "utf8").trimEnd().split("\n")) model.add(line);
  return chromeEvents(model.runs);
}

test("every event has what the format asks for", async () => {
  const events = await convert(20);
  for (const event of events) {
    expect(event).toMatchObject({
      name: expect.any(String),
      cat: expect.any(String),
      args: expect.any(Object),
    });
    for (const key of ["ts", "pid", "tid"] as const) expect(Number.isSafeInteger(event[key]), key).toBe(true);
    expect(event.ts).toBeGreaterThanOrEqual(0);
    if (event.ph === "X") expect(event.dur).toBeGreaterThanOrEqual(0);
    else expect(["M", "i"]).toContain(event.ph);
  }
  const named = events.filter(({ name }) => name === "process_name").map(({ args }) => String(args.name));
  expect(named).toEqual([expect.stringMatching(/^A \(run /), expect.stringMatching(/^B \(run /)]);
  const items = events.filter(({ cat, pid }) => cat === "item" && pid === 1);
  expect(items.length).toBe(20);
  expect(events.some(({ cat }) => cat === "gate")).toBe(true);
  expect(items.find(({ args }) => args.index === 2)?.args).toMatchObject({
    outcome: "failed",
    error: "TypeError: always",
  });
});

test("pieces of one lane lie in one another or apart, so parallel items have lanes", async () => {
  const events = await convert(60);
  const lanes = new Map<string, ChromeEvent[]>();
  for (const event of events.filter(({ ph }) => ph === "X")) {
    const key = `${event.pid} ${event.tid}`;
    lanes.set(key, [...(lanes.get(key) ?? []), event]);
  }
  expect(lanes.size).toBeGreaterThan(4);
  for (const [lane, pieces] of lanes) {
    const open: number[] = [];
    for (const { ts, dur = 0, name } of pieces) {
      while (open.length > 0 && (open.at(-1) as number) <= ts) open.pop();
      expect(ts + dur, `${name} in lane ${lane}`).toBeLessThanOrEqual(
        open.at(-1) ?? Number.POSITIVE_INFINITY,
      );
      open.push(ts + dur);
    }
  }
});
