// The graph as SVG: nodes by state and time, links by the number of times they were followed.
import type { ViewNode } from "../model/view-node.js";
import { amount } from "../model/words.js";
import { button, el, short, svg, visible } from "./dom.js";
import { layGraph, type Placed, type PlacedLink, type PlacedNode } from "./graph-layout.js";
import { GraphPan } from "./graph-pan.js";
import { arrowHeads, best, curve, fitted } from "./graph-shapes.js";
import { kindOf, lineOf, stateOf, stateText } from "./graph-state.js";
import type { PageState } from "./state.js";

const NAME_FONT = '600 13px system-ui, -apple-system, "Segoe UI", sans-serif';

/** The maximum height in pixels of a graph in a page that scrolls. */
const TALLEST = 620;

interface DrawnLink {
  readonly path: SVGElement;
  text: SVGElement | undefined;
  readonly placed: PlacedLink;
}

export class GraphView {
  readonly element: HTMLElement;
  readonly #state: PageState;
  readonly #drawing = svg("svg", { class: "graph", role: "group", "aria-label": "Graph of the flow" });
  readonly #pan: GraphPan;
  #nodes = new Map<ViewNode, { group: SVGGElement; placed: PlacedNode }>();
  #links: DrawnLink[] = [];
  /** The source of the drawing; while it stays the same, only colours and texts change. */
  #shape = "";

  constructor(state: PageState) {
    this.#state = state;
    this.#pan = new GraphPan(this.#drawing);
    const tools = el(
      "div",
      { class: "tools" },
      button("−", "Smaller", () => this.#pan.zoom(0.8)),
      button("+", "Larger", () => this.#pan.zoom(1.25)),
      button("Fit", "Show the whole graph", () => this.#pan.fit()),
    );
    this.element = el(
      "section",
      { class: "panel graph-panel", "aria-label": "Graph" },
      el("div", { class: "bar" }, el("h2", {}, "Graph"), tools),
      this.#drawing,
    );
    this.#drawing.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#draw()).observe(this.#drawing);
    state.onChange((change) => {
      if (change === "selection") this.#mark();
      else if (change !== "window") this.#draw();
    });
  }

  #draw(): void {
    const { graph } = this.#state.run;
    const { clientWidth: width, clientHeight: height } = this.#drawing;
    if (width === 0) return;
    const links = graph.nodes.reduce((sum, node) => sum + node.links.length, 0);
    const shape = `${this.#state.runs.indexOf(this.#state.run)} ${graph.nodes.length} ${links}`;
    if (shape !== this.#shape) {
      this.#shape = shape;
      this.#make(width, height);
    } else this.#pan.resize();
    this.#refresh();
  }

  #make(width: number, height: number): void {
    const context = el("canvas").getContext("2d");
    if (context !== null) context.font = NAME_FONT;
    const widthOf = (text: string) => context?.measureText(short(text, 40)).width ?? text.length * 7;
    const { root } = this.#state.run.graph;
    // In a page that scrolls the graph gets its own height, up to a limit.
    const isNarrow = matchMedia("(max-width: 860px)").matches;
    const tallest = isNarrow ? TALLEST : height;
    const fits = ({ width: w, height: h }: Placed) => Math.min(width / w, tallest / h, 1);
    const across = layGraph(root, "LR", widthOf);
    // On a narrow screen a long chain is more readable from top to bottom.
    const placed = fits(across) > 0.75 ? across : best(across, layGraph(root, "TB", widthOf), fits);
    const boxes = placed.nodes.filter(({ box }) => box);
    const layer = svg("g");
    this.#nodes = new Map();
    for (const each of boxes) layer.append(this.#box(each));
    this.#links = placed.links.map((each) => {
      const path = svg("path", { d: curve(each), class: "link", "marker-end": "url(#arrow)" });
      layer.append(path);
      return { path, text: undefined, placed: each };
    });
    for (const { x, y } of placed.starts) layer.append(svg("circle", { cx: x, cy: y, r: 6, class: "start" }));
    for (const { x, y } of placed.ends) {
      layer.append(
        svg("circle", { cx: x, cy: y, r: 8, class: "end" }),
        svg("circle", { cx: x, cy: y, r: 4, class: "start" }),
      );
    }
    for (const each of placed.nodes) if (!each.box) layer.append(this.#node(each));
    for (const entry of this.#links) {
      const { label, link } = entry.placed;
      if (label === undefined || link === undefined) continue;
      entry.text = svg("text", { x: label.x, y: label.y, class: "action" });
      layer.append(entry.text);
    }
    this.#drawing.replaceChildren(arrowHeads(), layer);
    const wanted = Math.min(placed.height * fits(placed) + 30, TALLEST);
    this.#drawing.style.height = isNarrow ? `${wanted}px` : "";
    this.#pan.show(layer, placed.width, placed.height);
  }

  #node(placed: PlacedNode): SVGGElement {
    const { x, y, width, height, node } = placed;
    const name = svg("text", { x: 14, y: 23, class: "name" }, fitted(node.name, width - 26));
    const group = svg(
      "g",
      { transform: `translate(${x} ${y})`, tabindex: -1, role: "button", class: "node" },
      svg("rect", { width, height, rx: 8, class: "shape" }),
      ...(node.kind === "node" || node.kind === "flow"
        ? []
        : [svg("rect", { x: 3, y: 3, width: width - 6, height: height - 6, rx: 6, class: "inner" })]),
      svg("rect", { x: 0, y: 0, width: 5, height, rx: 2.5, class: "edge" }),
      name,
      svg("text", { x: 14, y: 40, class: "about" }),
      svg("rect", { x: 14, y: height - 10, width: width - 28, height: 4, rx: 2, class: "track" }),
      svg("rect", { x: 14, y: height - 10, width: 0, height: 4, rx: 2, class: "time" }),
    );
    this.#listen(group, placed);
    return group;
  }

  #box(placed: PlacedNode): SVGGElement {
    const { x, y, width, height, node } = placed;
    const kind = kindOf(node) || "flow";
    const group = svg(
      "g",
      { transform: `translate(${x} ${y})`, tabindex: -1, role: "button", class: "node box" },
      svg("rect", { width, height, rx: 10, class: "shape" }),
      svg(
        "text",
        { x: 14, y: 20, class: "name" },
        fitted(node.name, (width - 40 - 6.5 * kind.length) * 0.95),
      ),
      svg("text", { x: width - 12, y: 20, class: "kind" }, kind),
    );
    this.#listen(group, placed);
    return group;
  }

  #listen(group: SVGGElement, placed: PlacedNode): void {
    this.#nodes.set(placed.node, { group, placed });
    group.addEventListener("click", () => {
      if (this.#pan.wasDragged) return;
      this.#state.select(undefined, placed.node);
    });
  }

  /** Updates states, figures and shares of the time. */
  #refresh(): void {
    let most = 0;
    for (const [node, { placed }] of this.#nodes) if (!placed.box) most = Math.max(most, node.stats.time);
    for (const [node, { group, placed }] of this.#nodes) {
      const state = stateOf(node);
      group.setAttribute("class", `node ${state}${placed.box ? " box" : ""}`);
      const kind = kindOf(node);
      // A graph without a run has no figures.
      const line =
        this.#state.model.runs.length > 0 ? lineOf(node) : [kind, ...node.notes].filter(Boolean).join(" · ");
      const about = group.querySelector(".about");
      if (about !== null) about.textContent = fitted(line, (placed.width - 26) * 1.14);
      // The visible text comes first, for speech control; then truncated text and the meaning of the colour.
      const seen = [...group.querySelectorAll("text")].map(({ textContent }) => textContent).join(" ");
      const more = [stateText(state), placed.box ? line : kind].filter(Boolean).join(", ");
      const isCut = !seen.startsWith(visible(node.name));
      group.setAttribute("aria-label", visible(`${seen}: ${more}${isCut ? `, ${node.name}` : ""}`));
      if (placed.box) continue;
      const share = most === 0 ? 0 : node.stats.time / most;
      group.querySelector(".time")?.setAttribute("width", String(Math.round((placed.width - 28) * share)));
    }
    for (const link of this.#links) refreshLink(link);
    this.#mark();
  }

  #mark(): void {
    const { node, run } = this.#state;
    const focus = node ?? run.graph.root;
    for (const [each, { group }] of this.#nodes) {
      group.classList.toggle("selected", each === node);
      group.setAttribute("aria-pressed", String(each === node));
      group.setAttribute("tabindex", each === focus ? "0" : "-1"); // one stop of the Tab key for the whole graph
    }
  }

  #key(event: KeyboardEvent): void {
    const aim = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const current = [...this.#nodes].find(([, { group }]) => group === document.activeElement);
    if (event.key === "Enter" || event.key === " ") {
      if (current !== undefined) this.#state.select(undefined, current[0]);
    } else if (aim !== undefined) {
      const next = this.#towards(current?.[1].placed, aim[0] as number, aim[1] as number);
      if (next !== undefined) {
        this.#state.select(undefined, next.node);
        this.#nodes.get(next.node)?.group.focus();
        this.#pan.reveal(next);
      }
    } else return;
    event.preventDefault();
  }

  /** The nearest node in a direction; sideways distance counts more. */
  #towards(from: PlacedNode | undefined, dx: number, dy: number): PlacedNode | undefined {
    const centre = ({ x, y, width, height, box }: PlacedNode) => ({
      x: x + (box ? 20 : width / 2),
      y: y + (box ? 12 : height / 2),
    });
    const here = from === undefined ? { x: -1, y: -1 } : centre(from);
    let [best, least]: [PlacedNode | undefined, number] = [undefined, Number.POSITIVE_INFINITY];
    for (const { placed } of this.#nodes.values()) {
      const { x, y } = centre(placed);
      const ahead = (x - here.x) * dx + (y - here.y) * dy;
      const aside = Math.abs((x - here.x) * dy) + Math.abs((y - here.y) * dx);
      if (placed === from || ahead <= 1) continue;
      if (ahead + 2.5 * aside < least) [best, least] = [placed, ahead + 2.5 * aside];
    }
    return best;
  }
}

function refreshLink({ path, text, placed: { link, to } }: DrawnLink): void {
  const taken = link === undefined ? to !== undefined && to.stats.visits > 0 : link.taken > 0;
  path.setAttribute("class", taken ? "link taken" : "link");
  path.setAttribute("marker-end", taken ? "url(#arrow-taken)" : "url(#arrow)");
  if (text === undefined || link === undefined) return;
  text.textContent = `${short(link.action, 24)}${link.taken > 1 ? ` ×${amount(link.taken)}` : ""}`;
}
