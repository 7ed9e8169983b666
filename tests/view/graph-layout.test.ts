// Where the nodes of a graph stand on the page.
import { Flow, node, parallel } from "sluice";
import { toJSON } from "sluice/diagram";
import { expect, test } from "vitest";
import { GraphModel } from "../../src/view/model/graph-model.js";
import { layGraph, type PlacedNode } from "../../src/view/page/graph-layout.js";

function graphOf() {
  const again = node({ name: "Again", post: () => "again" as string });
  const inner = new Flow(node({ name: "Inside" }).next(node({ name: "After" })) as never, { name: "Inner" });
  const both = parallel([inner, node({ name: "Beside" })], { name: "Both" });
  const last = node({ name: "Last", post: () => "done" as string });
  again.on("again", again).on("more", again).on("on", both).end("stop");
  both.next(last);
  last.on("back", again).end("done");
  return new GraphModel("Main", toJSON(new Flow(again, { name: "Main" })));
}

const overlap = (a: PlacedNode, b: PlacedNode) =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

test.each(["LR", "TB"] as const)(
  "drawn %s, nodes stand in their flows and beside each other",
  (direction) => {
    const { root, nodes } = graphOf();
    const placed = layGraph(root, direction, (text) => text.length * 7);
    const of = new Map(placed.nodes.map((each) => [each.node, each]));
    expect(placed.nodes.length).toBe(nodes.length);
    for (const each of placed.nodes) {
      const { parent } = each.node;
      for (const other of placed.nodes) {
        if (other !== each && other.node.parent === parent) expect(overlap(each, other)).toBe(false);
      }
      if (parent === undefined) continue;
      const box = of.get(parent) as PlacedNode;
      expect(each.x).toBeGreaterThan(box.x);
      expect(each.y).toBeGreaterThan(box.y);
      expect(each.x + each.width).toBeLessThan(box.x + box.width);
      expect(each.y + each.height).toBeLessThan(box.y + box.height);
    }
  },
);

test("each link is drawn once, those from a node to itself at its side, and ends have a mark", () => {
  const { root, nodes } = graphOf();
  const { links, starts, ends, nodes: placed } = layGraph(root, "LR", (text) => text.length * 7);
  const all = nodes.flatMap((each) => each.links);
  expect(links.filter(({ link }) => link !== undefined).length).toBe(all.length);
  expect(starts.length).toBe(2);
  expect(ends.length).toBe(1);
  for (const { link, points, label } of links) {
    expect(points.length).toBeGreaterThan(1);
    if (link?.action !== undefined && link.action !== "default") expect(label).toBeDefined();
    if (link === undefined || link.from !== link.to) continue;
    const at = placed.find((each) => each.node === link.from) as PlacedNode;
    for (const point of [points[0], points.at(-1)]) expect(point?.y).toBeCloseTo(at.y + at.height);
  }
});
