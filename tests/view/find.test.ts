// Finding a place in a trace: by the link of a page, and by a text.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Flow, node } from "sluice";
import { recordTrace } from "sluice/trace";
import { expect, test } from "vitest";
import { linkTo, placeIn } from "../../src/view/model/page-link.js";
import type { RunModel } from "../../src/view/model/run-model.js";
import { search } from "../../src/view/model/search.js";
import { titleOf } from "../../src/view/model/span.js";
import { TraceModel } from "../../src/view/model/trace-model.js";
import { batchFlow, scratch } from "../support/traced-flows.js";

const folder = scratch();

/** Runs flows one after the other into one trace, with values. */
async function record(...runs: [flow: Flow<object>, runId: string, shared?: object][]): Promise<RunModel[]> {
  const trace = recordTrace(join(folder, "find.jsonl"), { values: true });
  for (const [flow, runId, shared = {}] of runs) {
    await flow.run(shared, { events: trace.events, runId }).catch(() => {});
  }
  await trace.close();
  const model = new TraceModel();
  for (const line of readFileSync(trace.path, "utf8").trimEnd().split("\n")) model.add(line);
  return model.runs;
}

test("the link of a span leads back to it, among runs of one id too", async () => {
  const runs = await record([batchFlow(2), "a & b"], [batchFlow(2), "a & b"], [batchFlow(1), "c"]);
  for (const run of runs) {
    for (const span of [undefined, ...run.spans.values()]) {
      const place = placeIn(`#${linkTo({ run, span }, runs)}`, runs);
      expect(place?.run).toBe(run);
      expect(place?.span).toBe(span);
    }
  }
  expect(linkTo({ run: runs[1] as RunModel, span: undefined }, runs)).toBe("run=a+%26+b&nth=2");
  for (const [run, other] of [
    [runs[0], runs[1]],
    [runs[2], runs[0]],
  ] as [RunModel, RunModel][]) {
    const place = placeIn(linkTo({ run, other, span: undefined }, runs), runs);
    expect([place?.run, place?.other, place?.isWhole]).toEqual([run, other, true]);
  }
  const early = placeIn("#run=c&with=late", runs);
  expect([early?.run, early?.other, early?.isWhole]).toEqual([runs[2], undefined, false]);
  for (const link of ["", "#", "#span=1", "#run=none", "#run=c&nth=2", "#run=c&nth=x"]) {
    expect(placeIn(link, runs), link).toBe(undefined);
  }
  expect(placeIn("#run=c&span=999", runs)?.span).toBe(undefined);
});

test("a text is found in names, actions, errors with their causes, values and the store", async () => {
  const [batch, store] = (await record(
    [batchFlow(4), "r"],
    [
      new Flow(
        node({
          name: "Greet",
          prep: (shared: { user: string; greeting?: string }) => ({ who: shared.user }),
          exec: ({ who }) => `Hello ${who}`,
          post: (shared, _who, greeting) => {
            shared.greeting = greeting.toUpperCase();
          },
        }) as never,
        { name: "Hi" },
      ),
      "s",
      { user: "Ada" },
    ],
  )) as [RunModel, RunModel];
  const found = (run: RunModel, text: string) =>
    search(run, text, 100).hits.map(({ span, where }) => `${titleOf(span)} ${where}`);
  expect(found(batch, "work [2]")).toEqual(["Work [2] name"]);
  expect(found(batch, "ALWAYS").sort()).toEqual(
    ["Work [2] error", "Work [2], attempt 1 error", "Work [2], attempt 2 error", "Work out"].sort(),
  );
  expect(found(batch, "the reason")).toContain("Work [2] error");
  expect(found(batch, "secret 3")).toEqual(expect.arrayContaining(["Work [3] data"]));
  expect(found(store, "ada").sort()).toEqual(["Greet in"]);
  expect(found(store, "HELLO ADA").sort()).toEqual(["Greet out"]);
  expect(found(store, '"greeting"')).toEqual(["Greet store"]);
  expect(search(store, "greet", 1)).toMatchObject({ count: 1 });
  for (const text of ["", "  ", "nowhere"]) expect(search(batch, text, 10)).toEqual({ hits: [], count: 0 });
  const many = search(batch, "work", 2);
  expect([many.hits.length, many.count]).toEqual([2, 5]);
});
