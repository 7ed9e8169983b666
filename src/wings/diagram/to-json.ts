// toJSON: a flow as data, place by place from the outside in.
import type { BaseNode } from "sluice";
import { idsOf, NODE, nameOf, segmentOf, WALK } from "sluice/internal";
import type { FlowGraph, GraphLink, GraphNode } from "./graph.js";
import { checkFlow, detailsOf, kindOf, type Seen } from "./read-node.js";

/** A node that is being listed, and its outer entry. */
interface Entry {
  readonly node: Seen;
  readonly around: Entry | undefined;
  readonly json: { -readonly [Key in keyof GraphNode]: GraphNode[Key] };
}

/**
 * Returns a flow and all nodes that it can reach as plain JSON, for a viewer, a test or a diff.
 *
 * An id is the id of the containing flow, `/`, and the node's name. If several nodes of one flow share a name, the
 * first of them (in a depth-first walk that takes every link once, in the order of creation) has just that id; each
 * other one adds `~` and a hash of the nearest node of that name before it and of the named actions from there. So a
 * node with a unique name in its flow keeps its id whatever is added, linked, moved or renamed around it. A node that
 * shares its name keeps it too, unless another node of that name comes between, or a link reaches it sooner than
 * before. Give nodes unique names, and their ids are their paths.
 *
 * A node object that is reached twice in one flow has one entry; in two flows it has two. A recursive flow `repeats`.
 *
 * @throws SluiceError `INVALID_NODE` if the value is not a flow.
 * @example
 * ```ts
 * import { Flow, node } from "sluice";
 * import { toJSON } from "sluice/diagram";
 *
 * const draft = node({ name: "Draft" });
 * const review = node({ name: "Review", post: () => "again" as const });
 * draft.next(review).on("again", draft);
 * const { nodes, links } = toJSON(new Flow(draft, { name: "Essay" }));
 * nodes.map(({ id }) => id); // => ["Essay", "Essay/Draft", "Essay/Review"]
 * links[1]; // => { from: "Essay/Review", action: "again", to: "Essay/Draft" }
 * ```
 */
export function toJSON(flow: BaseNode): FlowGraph {
  checkFlow("toJSON", flow);
  return graphOf(flow);
}

/** Lists a checked flow. */
export function graphOf(flow: Seen): FlowGraph {
  const name = nameOf(flow);
  const kind = kindOf(flow);
  const outermost = { id: segmentOf(name), name, kind, path: [name], ...detailsOf(flow, kind) };
  const entries: Entry[] = [{ node: flow, around: undefined, json: outermost }];
  const links: GraphLink[] = [];
  for (const entry of entries) {
    const { node, json } = entry;
    // By its kind, because a custom node may have fields named `start` or `branches`.
    const follows = WALK in node;
    const starts = follows ? [node.start as Seen] : json.kind === "parallel" ? (node.branches ?? []) : [];
    if (starts.length === 0) continue;
    const again = aroundWith(entry);
    if (again !== undefined) {
      json.repeats = again.json.id;
      continue;
    }
    const ids = idsOf(starts, json.id, follows);
    const startIds = starts.map((start) => ids.get(start) as string);
    if (follows) json.start = startIds[0] as string;
    else json.branches = startIds;
    for (const [inner, id] of ids) {
      entries.push(entryOf(inner, id, entry));
      if (!follows) continue; // links of branches are not followed
      for (const [action, to] of inner[NODE].links.entries()) {
        links.push({ from: id, action, to: to === null ? null : (ids.get(to as Seen) as string) });
      }
    }
  }
  return { version: 1, name, nodes: entries.map(({ json }) => json), links };
}

function entryOf(node: Seen, id: string, around: Entry): Entry {
  const name = nameOf(node);
  const kind = kindOf(node);
  const { id: parent, path } = around.json;
  return { node, around, json: { id, name, kind, path: [...path, name], parent, ...detailsOf(node, kind) } };
}

/** The outer entry of the same object. */
function aroundWith({ node, around }: Entry): Entry | undefined {
  for (let outer = around; outer !== undefined; outer = outer.around) if (outer.node === node) return outer;
  return undefined;
}
