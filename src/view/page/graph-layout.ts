// The layout of a graph. Each flow is laid out on its own, the innermost first, and is one node of the
// enclosing flow: links never leave their flow, so no link is lost.
import { Graph, layout } from "@dagrejs/dagre";
import type { ViewLink, ViewNode } from "../model/view-node.js";
import { kindOf } from "./graph-state.js";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface PlacedNode {
  readonly node: ViewNode;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Whether it is drawn as a box around other nodes. */
  readonly box: boolean;
}

export interface PlacedLink {
  /** `undefined`: the start of the flow. */
  readonly link: ViewLink | undefined;
  /** `undefined`: the end of the flow. */
  readonly to: ViewNode | undefined;
  readonly points: readonly Point[];
  readonly label: Point | undefined;
}

export interface Placed {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly PlacedNode[];
  readonly links: readonly PlacedLink[];
  /** The start and end points of flows. */
  readonly starts: readonly Point[];
  readonly ends: readonly Point[];
}

export type Direction = "LR" | "TB";

const NODE_HEIGHT = 58;
const TITLE = 30;
const PADDING = 14;
/** The maximum depth; deeper flows are drawn as one node. */
const DEEPEST = 40;

/** @param widthOf - Returns the width of a node's text in pixels. */
export function layGraph(root: ViewNode, direction: Direction, widthOf: (text: string) => number): Placed {
  return layNode(root, direction, widthOf, 0);
}

const labelOf = ({ action }: ViewLink): string => (action === "default" ? "" : action.slice(0, 24));

function layNode(
  node: ViewNode,
  direction: Direction,
  widthOf: (text: string) => number,
  depth: number,
): Placed {
  if (node.children.length === 0 || depth > DEEPEST) {
    // A batch has a longer line below its name: items, failures, time.
    const least = node.kind === "batch" || node.kind === "parallelBatch" ? 264 : 132;
    const width = Math.round(Math.max(least, Math.min(240, widthOf(node.name) + 34)));
    const placed = { node, x: 0, y: 0, width, height: NODE_HEIGHT, box: false };
    return { width, height: NODE_HEIGHT, nodes: [placed], links: [], starts: [], ends: [] };
  }
  const inner = new Map<ViewNode, Placed>();
  for (const child of node.children) {
    const placed = withLoops(layNode(child, direction, widthOf, depth + 1), child, direction, widthOf);
    inner.set(child, placed);
  }
  const links = node.children.flatMap((child) => child.links.filter((link) => !isLoop(link)));
  const start = node.start !== undefined && inner.has(node.start) ? node.start : undefined;
  const graph = graphOf(inner, links, start, direction, widthOf);
  try {
    layout(graph);
  } catch {
    inRows(graph); // better than no page
  }
  return placedFlow(node, graph, inner, links, widthOf);
}

/** The input of a layout: the nodes of one flow with their sizes, its start, its end and its links. */
function graphOf(
  inner: ReadonlyMap<ViewNode, Placed>,
  links: readonly ViewLink[],
  start: ViewNode | undefined,
  direction: Direction,
  widthOf: (text: string) => number,
): Graph {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: direction, nodesep: 26, ranksep: 46, edgesep: 16, marginx: 0, marginy: 0 });
  for (const [{ id }, { width, height }] of inner) graph.setNode(id, { width, height });
  if (start !== undefined) {
    graph.setNode("start", { width: 14, height: 14 });
    graph.setEdge("start", start.id, { minlen: 1 }, "start");
  }
  for (const [i, link] of links.entries()) {
    const text = labelOf(link);
    if (link.to === undefined) graph.setNode("end", { width: 18, height: 18 });
    const size = text === "" ? { width: 4, height: 4 } : { width: widthOf(text) * 0.9 + 12, height: 18 };
    graph.setEdge(link.from.id, link.to?.id ?? "end", { ...size, labelpos: "c" }, `link${i}`);
  }
  return graph;
}

/** A flow as a box around its layout. */
function placedFlow(
  node: ViewNode,
  graph: Graph,
  inner: ReadonlyMap<ViewNode, Placed>,
  links: readonly ViewLink[],
  widthOf: (text: string) => number,
): Placed {
  const { width: across = 0, height: down = 0 } = graph.graph() as { width?: number; height?: number };
  const title = Math.min(360, widthOf(node.name) + 45 + 6.5 * (kindOf(node) || "flow").length);
  const width = Math.max(across + 2 * PADDING, title);
  const height = down + TITLE + PADDING;
  const moved = ({ x = 0, y = 0 }: Partial<Point>): Point => ({ x: x + (width - across) / 2, y: y + TITLE });
  const at = (id: string): Point => moved(graph.node(id) as Partial<Point>);
  const placed = {
    width,
    height,
    nodes: [{ node, x: 0, y: 0, width, height, box: true }],
    links: [] as PlacedLink[],
    starts: [] as Point[],
    ends: [] as Point[],
  };
  for (const [child, within] of inner) {
    const centre = at(child.id);
    move(placed, within, centre.x - within.width / 2, centre.y - within.height / 2);
  }
  if (graph.hasNode("start")) placed.starts.push(at("start"));
  if (graph.hasNode("end")) placed.ends.push(at("end"));
  for (const edge of graph.edges()) {
    const { points = [], x, y } = graph.edge(edge) as { points?: Point[]; x?: number; y?: number };
    const link = edge.name === "start" ? undefined : links[Number(edge.name?.slice(4))];
    const hasLabel = link !== undefined && labelOf(link) !== "" && x !== undefined && y !== undefined;
    placed.links.push({
      link,
      to: link === undefined ? node.start : link.to,
      points: points.map(moved),
      label: hasLabel ? moved({ x, y }) : undefined,
    });
  }
  return placed;
}

const isLoop = ({ from, to }: ViewLink): boolean => from === to;

/**
 * Draws the links from a node to itself beside it, on a side without other links, with equal space on the
 * other side, so that other links still meet its centre.
 */
function withLoops(
  placed: Placed,
  node: ViewNode,
  direction: Direction,
  widthOf: (text: string) => number,
): Placed {
  const loops = node.links.filter(isLoop);
  if (loops.length === 0) return placed;
  const { width, height } = placed;
  const isAcross = direction === "LR";
  const step = isAcross ? 30 : 34 + Math.max(...loops.map((link) => widthOf(labelOf(link))));
  const room = step * loops.length + 6;
  const into = { nodes: [], links: [] as PlacedLink[], starts: [], ends: [] };
  move(into, placed, isAcross ? 0 : room, isAcross ? room : 0);
  for (const [i, link] of loops.entries()) {
    const far = step * (i + 1);
    const at = (along: number, out: number): Point =>
      isAcross ? { x: width * along, y: room + height + out } : { x: room + width + out, y: height * along };
    const points = [at(0.7, 0), at(0.76, far), at(0.24, far), at(0.3, 0)];
    into.links.push({ link, to: node, points, label: at(0.5, isAcross ? far : far * 0.6) });
  }
  const size = isAcross ? { width, height: height + 2 * room } : { width: width + 2 * room, height };
  return { ...size, ...into };
}

/** Arranges nodes in a square, in the given order, with straight links. */
function inRows(graph: Graph): void {
  const ids = graph.nodes();
  const columns = Math.ceil(Math.sqrt(ids.length));
  const sizes = ids.map((id) => graph.node(id) as { width: number; height: number });
  const [wide, tall] = [
    Math.max(...sizes.map(({ width }) => width)) + 40,
    Math.max(...sizes.map(({ height }) => height)) + 40,
  ];
  for (const [i, id] of ids.entries()) {
    const place = { x: ((i % columns) + 0.5) * wide, y: (Math.floor(i / columns) + 0.5) * tall };
    Object.assign(graph.node(id) as object, place);
  }
  for (const edge of graph.edges()) {
    const [from, to] = [graph.node(edge.v), graph.node(edge.w)] as [Point, Point];
    const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
    Object.assign(graph.edge(edge) as object, { points: [from, middle, to], ...middle });
  }
  Object.assign(graph.graph() as object, {
    width: columns * wide,
    height: Math.ceil(ids.length / columns) * tall,
  });
}

/** Moves the layout of a flow into the enclosing layout. */
function move(
  into: { nodes: PlacedNode[]; links: PlacedLink[]; starts: Point[]; ends: Point[] },
  placed: Placed,
  x: number,
  y: number,
): void {
  const moved = (point: Point): Point => ({ x: point.x + x, y: point.y + y });
  for (const node of placed.nodes) into.nodes.push({ ...node, ...moved(node) });
  for (const { link, to, points, label } of placed.links) {
    into.links.push({ link, to, points: points.map(moved), label: label && moved(label) });
  }
  into.starts.push(...placed.starts.map(moved));
  into.ends.push(...placed.ends.map(moved));
}
