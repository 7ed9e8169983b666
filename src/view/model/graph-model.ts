// The graph of a run: its nodes and links, which of them were reached, and their times. From the graph in the trace;
// missing parts are derived from the events.
import { type GivenGraph, readGraph } from "./read-graph.js";
import type { Cut, Span } from "./span.js";
import type { ViewLink, ViewNode } from "./view-node.js";

const keyOf = (path: readonly (string | number)[]): string => JSON.stringify(path);

export class GraphModel {
  readonly root: ViewNode;
  /** From the outside in. */
  readonly nodes: ViewNode[] = [];
  /** Whether the graph is from the trace; otherwise it is derived from the events. */
  readonly given: boolean;
  readonly #byPath = new Map<string, ViewNode>();
  /** The latest step of each walk, by what the walk is part of. */
  readonly #latest = new WeakMap<Span, Span>();

  constructor(name: string, graph: unknown) {
    const read = readGraph(graph);
    this.given = read !== undefined;
    if (read !== undefined) this.#take(read);
    this.root = this.nodes[0] ?? this.#make({ name, kind: "flow", path: [name], parent: undefined });
  }

  #take(graph: GivenGraph): void {
    const byId = new Map<string, ViewNode>();
    for (const { id, name, kind, path, parent, notes } of graph.nodes) {
      byId.set(
        id,
        this.#make({
          id,
          name,
          kind,
          path,
          parent: parent === undefined ? undefined : byId.get(parent),
          notes,
        }),
      );
    }
    for (const { id, start } of graph.nodes) {
      const node = byId.get(id);
      if (node !== undefined && start !== undefined) node.start = byId.get(start);
    }
    for (const { from, action, to } of graph.links) {
      const source = byId.get(from) as ViewNode;
      source.links.push({ from: source, action, to: to === null ? undefined : byId.get(to), taken: 0 });
    }
  }

  #make(
    given: Pick<ViewNode, "name" | "kind" | "path" | "parent"> & { id?: string; notes?: readonly string[] },
  ): ViewNode {
    const node: ViewNode = {
      id: given.id ?? `seen:${keyOf(given.path)}`,
      name: given.name,
      kind: given.kind,
      path: given.path,
      parent: given.parent,
      children: [],
      start: undefined,
      links: [],
      notes: given.notes ?? [],
      stats: {
        visits: 0,
        running: 0,
        failed: 0,
        aborted: 0,
        suspended: 0,
        cut: 0,
        cutAs: undefined,
        items: 0,
        itemsDone: 0,
        itemsFailed: 0,
        total: 0,
        remaining: undefined,
        calls: 0,
        tokens: 0,
        retries: 0,
        time: 0,
      },
    };
    this.nodes.push(node);
    given.parent?.children.push(node);
    const key = keyOf(node.path);
    if (!this.#byPath.has(key)) this.#byPath.set(key, node);
    return node;
  }

  /**
   * Finds the node of a step. Nodes of one flow may share a name, and so a path: the link that leads there, from
   * the step before, distinguishes them.
   */
  step(parent: Span, path: readonly (string | number)[]): ViewNode {
    const names = path.filter((part) => typeof part === "string");
    const before = this.#latest.get(parent);
    const link = before === undefined ? undefined : this.#linkOf(before);
    const expected = before === undefined ? parent.node.start : link?.to;
    const name = names.at(-1) ?? "";
    const node =
      expected?.name === name && keyOf(expected.path) === keyOf(names)
        ? expected
        : (this.#branch(parent.node, name) ??
          this.#byPath.get(keyOf(names)) ??
          this.#seen(parent.node, names));
    if (before !== undefined && !this.given) this.#seenLink(before, node);
    else if (link !== undefined && link.to === node) link.taken++;
    return node;
  }

  /** The branch of a `parallel` with this name that has not begun yet. */
  #branch(container: ViewNode, name: string): ViewNode | undefined {
    if (container.kind !== "parallel") return undefined;
    const named = container.children.filter((child) => child.name === name);
    return named.reduce<ViewNode | undefined>(
      (least, node) => (least === undefined || node.stats.visits < least.stats.visits ? node : least),
      undefined,
    );
  }

  #linkOf(before: Span): ViewLink | undefined {
    const action = before.action || "default";
    return before.node.links.find((link) => link.action === action);
  }

  #seen(container: ViewNode, path: readonly string[]): ViewNode {
    const alone = this.nodes.length === 1 && keyOf(path) === keyOf(this.root.path);
    if (alone) return this.root;
    const node = this.#make({ name: path.at(-1) ?? "", kind: "node", path, parent: container });
    container.start ??= node;
    if (container.kind === "node") container.kind = "flow";
    return node;
  }

  #seenLink(before: Span, to: ViewNode): void {
    const action = before.action || "default";
    const { links } = before.node;
    const known = links.find((link) => link.action === action && link.to === to);
    if (known === undefined) links.push({ from: before.node, action, to, taken: 1 });
    else known.taken++;
  }

  begin(span: Span): void {
    const { kind, parent } = span;
    const { stats } = span.node;
    if (kind === "run" || kind === "step") {
      stats.visits++;
      stats.running++;
    }
    if (kind === "step" && parent !== undefined) this.#latest.set(parent, span);
    if (kind === "item") {
      stats.items++;
      if (span.node.kind === "node") span.node.kind = "batch";
    }
    if (kind === "attempt" && (span.attempt ?? 0) > 0) stats.retries++;
  }

  /** Marks a running span as cut off. */
  cut(span: Span, as: Cut, now: number): void {
    if (span.kind !== "run" && span.kind !== "step") return;
    const { stats } = span.node;
    stats.running--;
    stats.cut++;
    stats.cutAs = as;
    stats.time += now - span.start;
  }

  end(span: Span): void {
    const { stats } = span.node;
    if (span.kind === "item") {
      if (span.outcome === "done") stats.itemsDone++;
      else if (span.outcome === "failed") stats.itemsFailed++;
    }
    if (span.kind !== "run" && span.kind !== "step") return;
    stats.running--;
    stats.remaining = undefined;
    stats.time += (span.end ?? span.start) - span.start;
    if (span.outcome === "failed") stats.failed++;
    if (span.outcome === "aborted") stats.aborted++;
    if (span.outcome === "suspended") stats.suspended++;
    const link = this.#linkOf(span);
    if (link !== undefined && link.to === undefined) link.taken++;
  }
}
