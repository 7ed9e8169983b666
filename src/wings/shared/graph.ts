// The graph of a flow for journals, threads and other machines: its places, and the check for incompatible changes.
import { SluiceError } from "sluice";
import { hash, idsOf, type Named, NODE, nameOf, quote, type Step, segmentOf, warn } from "sluice/internal";

/** A node with the inner nodes of flows and `parallel`. */
type Node = Step & { readonly start?: Node; readonly branches?: readonly Node[] };

/** The length of names that bundlers generate for classes. */
const LONGEST_SHORT_NAME = 2;

/** The graph of a flow. */
export interface Graph {
  /** All nodes by place: keys without the numbers of steps, items and attempts. */
  readonly places: ReadonlyMap<string, Step>;
  /** A hash of places, kinds and links. */
  readonly fingerprint: string;
}

/** Reads the graph of a flow. @throws SluiceError `AMBIGUOUS_NAME` if two nodes of one flow have the same name. */
export function graphOf(root: Step): Graph {
  const places = new Map<string, Step>();
  const lines: string[] = [];
  const shortNames: Node[] = [];
  const enter = (node: Node, place: string, around: readonly Node[]): void => {
    places.set(place, node);
    if (nameOf(node).length <= LONGEST_SHORT_NAME) shortNames.push(node);
    lines.push(describe(node, place));
    if (around.includes(node)) return; // a recursive flow
    const inside = [...around, node];
    if (node.start !== undefined) {
      for (const [each, id] of namedNodes(node, [node.start], true)) enter(each, `${place}${id}`, inside);
    }
    if (node.branches !== undefined) {
      for (const [each, id] of namedNodes(node, node.branches, false))
        enter(each, `${place}|${id.slice(1)}`, inside);
    }
  };
  enter(root as Node, segmentOf(nameOf(root)), []);
  if (shortNames.length > 0) warnOfShortNames(shortNames);
  return { places, fingerprint: hash(lines.sort().join("\n")) };
}

function describe(node: Node, place: string): string {
  const { leaf, batch, links } = node[NODE];
  const kind = `${leaf ? "node" : "walks"}${batch === undefined ? "" : " of items"}`;
  const targets = [...links.entries()].map(([action, to]) => `${action}>${to === null ? "" : nameOf(to)}`);
  return JSON.stringify([place, kind, targets.sort()]);
}

function namedNodes(flow: Named, starts: readonly Node[], follow: boolean): Map<Node, string> {
  const ids = idsOf(starts, "", follow);
  const byName = new Map<string, Node>();
  for (const node of ids.keys()) {
    const name = nameOf(node);
    if (byName.has(name)) {
      throw new SluiceError(
        "AMBIGUOUS_NAME",
        `Two different nodes of ${quote(nameOf(flow))} are called ${quote(name)}, and a resumed run could confuse them; give one of them a \`name\``,
      );
    }
    byName.set(name, node);
  }
  return ids;
}

const warned = new WeakSet<Node>();

function warnOfShortNames(nodes: readonly Node[]): void {
  const fresh = nodes.filter((node) => !warned.has(node));
  for (const node of fresh) warned.add(node);
  if (fresh.length === 0) return;
  const names = [...new Set(fresh.map(nameOf))].slice(0, 5).map(quote).join(", ");
  warn(
    "SLUICE_SHORT_NAME",
    `A node is called ${names}, as bundlers rename classes, and another build may call it something else; set \`name\`, or keep names (\`keepNames: true\` in esbuild), or no run of this build can be resumed by the next`,
  );
}

/**
 * Checks that a run can be resumed.
 * @throws SluiceError `GRAPH_CHANGED` if a place no longer exists, or the version differs.
 */
export function checkGraph(
  run: { readonly id: string; readonly version: string | null },
  places: Iterable<string>,
  now: { readonly version: string | null; readonly places: ReadonlyMap<string, unknown> },
): void {
  if (run.version !== now.version) {
    throw new SluiceError(
      "GRAPH_CHANGED",
      `The run ${quote(run.id)} began with version ${run.version ?? "(none)"} of its flow, which now has ${now.version ?? "(none)"}; resume it with the code that it began with, or cancel it`,
    );
  }
  const missing = [...new Set(places)].filter((place) => !now.places.has(place));
  if (missing.length === 0) return;
  throw new SluiceError(
    "GRAPH_CHANGED",
    `The run ${quote(run.id)} would resume at ${missing.slice(0, 5).map(quote).join(", ")}, which the flow no longer has; resume it with the code that it began with, or cancel it`,
  );
}
