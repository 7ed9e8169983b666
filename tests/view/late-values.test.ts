// A page opens without reading the values of its trace, and reads one when it is shown.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { AsyncParallelBatchNode, Flow, node } from "sluice";
import { recordTrace } from "sluice/trace";
import { afterEach, expect, test, vi } from "vitest";
import { queuesOf } from "../../src/view/model/gate-queue.js";
import { layLanes } from "../../src/view/model/lanes.js";
import type { RunModel } from "../../src/view/model/run-model.js";
import { search } from "../../src/view/model/search.js";
import type { Span } from "../../src/view/model/span.js";
import { TraceModel } from "../../src/view/model/trace-model.js";
import { scratch } from "../support/traced-flows.js";

const folder = scratch();
afterEach(() => void vi.restoreAllMocks());

interface Shared {
  texts?: { id: number; text: string }[];
  results?: string[];
}

/** In all values is the word SECRET; in what is sent are names that lines have as fields. */
async function record(): Promise<string[]> {
  class Work extends AsyncParallelBatchNode<Shared, { id: number; text: string }, string> {
    override prep(shared: Shared) {
      return shared.texts ?? [];
    }
    override async exec({ text }: { text: string }, { emit }: { emit(data: unknown): unknown }) {
      await emit({ text, index: 7, error: { name: 'SECRET ,"at":1', message: "}" } });
      return `${text}, done, "quoted" \\`;
    }
    override post(shared: Shared, _items: unknown, results: string[]) {
      shared.results = results;
    }
  }
  const first = node({
    name: "First",
    prep: (_shared: Shared) => "SECRET",
    post: (shared) => {
      shared.texts = Array.from({ length: 50 }, (_, id) => ({ id, text: `SECRET ${id}` }));
    },
  });
  first.next(new Work({ name: "Work" }));
  const trace = recordTrace(join(folder, "late.jsonl"), { values: true });
  await new Flow(first, { name: "Main" }).run({}, { events: trace.events });
  await trace.close();
  return readFileSync(trace.path, "utf8").trimEnd().split("\n");
}

function open(lines: readonly string[], late: boolean): RunModel {
  const model = new TraceModel({ late });
  for (const line of lines) expect(model.add(line)).toBeUndefined();
  model.close("unfinished");
  return model.runs[0] as RunModel;
}

const valuesOf = (run: RunModel) =>
  [...run.spans.values()].map(({ id, outcome, index, error, input, result, data, ...span }) => ({
    id,
    outcome,
    index,
    error,
    parent: span.parent?.id,
    input: input?.value,
    result: result?.value,
    data: data.map(({ value }) => value),
    store: run.stores.of(run.spans.get(id) as Span),
  }));

test("opening reads no value, and choosing an item reads its own", async () => {
  const lines = await record();
  // What is sent has names that lines have as fields: such values are looked into at once, and not kept.
  const plain = lines.filter((line) => !line.includes('"type":"data"'));
  expect(plain.filter((line) => line.includes("SECRET")).length).toBeGreaterThan(50);
  const parse = vi.spyOn(JSON, "parse");
  const read = () => parse.mock.calls.filter(([text]) => text.includes("SECRET")).length;
  const run = open(plain, true);
  layLanes(run.root, run.end, true);
  queuesOf(run, 80);
  expect(run.items).toBe(50);
  expect(read()).toBe(0);
  const item = [...run.spans.values()].find(({ kind, index }) => kind === "item" && index === 3);
  expect(item?.result?.value).toBe('SECRET 3, done, "quoted" \\');
  expect(read()).toBe(1);
});

test("a trace is the same whether its values are read at once or late", async () => {
  const lines = await record();
  const [late, atOnce] = [open(lines, true), open(lines, false)];
  expect(valuesOf(late)).toEqual(valuesOf(atOnce));
  expect(valuesOf(late).some(({ store }) => store !== undefined && store.changes.length > 0)).toBe(true);
  expect(search(late, "SECRET ,", 100).count).toBeGreaterThan(0);
  expect(search(late, "secret", 100).count).toBe(search(atOnce, "secret", 100).count);
});

test.each([
  ['"at":2,"input":{"a":1},"index":5', 5, { a: 1 }],
  ['"index":5,"at":2,"input":{"a":{"index":6},"index":7}', 5, { a: { index: 6 }, index: 7 }],
  ['"input":[1],"index":5,"at":2', 5, [1]],
  ['"index":5,"at":2, "input" : [1]', 5, [1]],
  ['"index":5,"at":2,"input":null', 5, null],
])("fields of a line that another program wrote may stand after its values: %s", (fields, index, input) => {
  const start = '{"type":"run","phase":"start","runId":"r","id":1,"path":["A"],"at":1}';
  const line = `{"type":"item","phase":"start","runId":"r","id":2,"parent":1,"path":["A"],${fields}}`;
  const item = open([start, line], true).spans.get(2);
  expect(item?.index).toBe(index);
  expect(item?.input?.value).toEqual(input);
});

test("a line that is broken within its value is shown without it", () => {
  const start = '{"type":"run","phase":"start","runId":"r","id":1,"path":["A"],"at":1}';
  const line = '{"type":"item","phase":"start","runId":"r","id":2,"path":["A"],"at":2,"input":{"a":}}';
  const model = new TraceModel({ late: true });
  for (const each of [start, line]) expect(model.add(each)).toBeUndefined();
  expect(model.runs[0]?.spans.get(2)?.input?.value).toBeUndefined();
  expect(new TraceModel().add(line)).toContain("expected a JSON object");
});
