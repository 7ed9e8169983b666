import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  type BaseNode,
  BatchFlow,
  BatchNode,
  Flow,
  Gate,
  Node,
  parallel,
} from "sluice";
import { toMermaid } from "sluice/diagram";
import { describe, expect, test } from "vitest";

const named = (name: string) => new Node({ name });
/** What a diagram has beside its frame. */
const linesOf = (flow: BaseNode) =>
  toMermaid(flow)
    .trimEnd()
    .split("\n")
    .map((line) => line.trim());

describe("a diagram", () => {
  test("has the start, the actions on the arrows, loops, and the end of actions that end on purpose", () => {
    const draft = named("Draft");
    const review = named("Review");
    draft.next(review).on("again", draft).on("wait", review).end("done").next(named("Print"));
    expect(toMermaid(new Flow(draft, { name: "Essay" }))).toBe(`flowchart LR
  subgraph flow["Essay · flow"]
    direction LR
    flow_start_(["start"])
    flow_Draft["Draft"]
    flow_Review["Review"]
    flow_Print["Print"]
    flow_end_(["end"])
  end
  flow_start_ --> flow_Draft
  flow_Draft --> flow_Review
  flow_Review -->|"again"| flow_Draft
  flow_Review -->|"wait"| flow_Review
  flow_Review -->|"done"| flow_end_
  flow_Review --> flow_Print
`);
  });

  test("has a shape for each kind, boxes in boxes, and gates below the names", () => {
    const vendor = new Gate({
      name: "vendor",
      concurrency: 32,
      rate: { requests: 500, tokens: 200_000, per: 60_000 },
    });
    class ReadAll extends BatchNode {}
    class AskAll extends AsyncParallelBatchNode {}
    class EachClass extends BatchFlow {}
    class EachFile extends AsyncParallelBatchFlow {}
    const read: BaseNode = new ReadAll();
    const classes = new EachClass(new EachFile(named("Work"), { concurrency: 4, gate: new Gate() }));
    read
      .next(new AskAll({ gate: vendor, rate: { tokens: 1, per: 500 } }))
      .next(parallel([named("Formal"), classes], { name: "Both", until: "settled" }))
      .next(new AskAll({ name: "Free", concurrency: Number.POSITIVE_INFINITY }));
    expect(toMermaid(new Flow(read, { name: "Main" }), { direction: "TD" })).toBe(`flowchart TD
  subgraph flow["Main · flow"]
    direction TB
    flow_start_(["start"])
    flow_ReadAll[["ReadAll<br/>one by one"]]
    flow_AskAll{{"AskAll<br/>16 at once<br/>gate vendor#58; 32 at once, 500 requests and 200,000 tokens #47; 60 s<br/>gate#58; 1 token #47; 500 ms"}}
    flow_Both{{"Both<br/>settled of 2"}}
    flow_Both_Formal["Formal"]
    subgraph flow_Both_EachClass["EachClass · batch flow"]
      direction TB
      flow_Both_EachClass_start_(["start"])
      subgraph flow_Both_EachClass_EachFile["EachFile · parallel batch flow"]
        direction TB
        flow_Both_EachClass_EachFile_start_(["start<br/>4 at once<br/>gate"])
        flow_Both_EachClass_EachFile_Work["Work"]
      end
    end
    flow_Free{{"Free<br/>all at once"}}
  end
  flow_start_ --> flow_ReadAll
  flow_Both -.-> flow_Both_Formal
  flow_Both -.-> flow_Both_EachClass
  flow_Both_EachClass_start_ --> flow_Both_EachClass_EachFile
  flow_Both_EachClass_EachFile_start_ --> flow_Both_EachClass_EachFile_Work
  flow_ReadAll --> flow_AskAll
  flow_AskAll --> flow_Both
  flow_Both --> flow_Free
`);
  });

  test("shows a flow inside itself as one shape", () => {
    const work = named("Work");
    const self = new Flow(work, { name: "Self" });
    work.next(self);
    expect(linesOf(self)).toContain('flow_Self[/"Self<br/>flow, as around it"/]');
  });

  test("keeps names apart that look alike, and its own marks from those of names", () => {
    const all = ["a b", "a-b", "ab", "a_b", "start_", "end_", "start", "", "a/b"];
    const nodes = all.map((name) => Object.defineProperty(new Node(), "name", { value: name }));
    for (const [at, each] of nodes.entries()) if (at > 0) nodes[at - 1]!.next(each);
    const marks = linesOf(new Flow(nodes[0]!)).flatMap((line) => /^(\w+)[[(]/.exec(line)?.[1] ?? []);
    expect(marks.length).toBe(all.length + 1);
    expect(new Set(marks).size).toBe(marks.length);
    for (const mark of marks) expect(mark).toMatch(/^flow(_[A-Za-z0-9_]*)?$/);
  });

  test("only changes where the flow does", () => {
    const [first, second] = [named("First"), named("Second")];
    first.next(second);
    const before = linesOf(new Flow(first));
    second.on("more", named("Third"));
    expect(linesOf(new Flow(first))).toEqual(expect.arrayContaining(before));
  });

  test("of 10,000 nodes in a row is made in a moment", () => {
    const all = Array.from({ length: 10_000 }, () => new Node());
    for (const [at, each] of all.entries()) if (at > 0) all[at - 1]!.next(each);
    const began = performance.now();
    expect(linesOf(new Flow(all[0]!)).length).toBe(20_005);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  test.each([
    [
      () => toMermaid(named("A") as unknown as Flow),
      'toMermaid(): expected a flow, got the node "A"; wrap the first node',
    ],
    [
      () => toMermaid(new Flow(named("A")), { direction: "UP" as "LR" }),
      'toMermaid(): expected `direction` to be "LR" or "TD", got "UP" (string)',
    ],
    [
      () => toMermaid(new Flow(named("A")), { directions: "LR" } as object),
      "toMermaid(): unknown option `directions`; did you mean `direction`?",
    ],
  ])("of no flow, or with a wrong option, is an error that says what to do: %#", (draw, message) => {
    expect(draw).toThrow(message);
  });
});
