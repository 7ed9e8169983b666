// Validates the graph in a trace, which is untrusted.

/** The part of the result of `toJSON` of `sluice/diagram` that the page shows. */
export interface GivenGraph {
  readonly nodes: readonly GivenNode[];
  readonly links: readonly GivenLink[];
}

interface GivenLink {
  readonly from: string;
  readonly action: string;
  readonly to: string | null;
}

interface GivenNode {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly path: readonly string[];
  readonly parent?: string | undefined;
  readonly start?: string | undefined;
  readonly notes: readonly string[];
}

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === "string";

/** Returns the graph, or `undefined` if it is invalid. */
export function readGraph(value: unknown): GivenGraph | undefined {
  if (!isFields(value) || !Array.isArray(value.nodes) || !Array.isArray(value.links)) return undefined;
  const known = new Set<string>();
  const nodes: GivenNode[] = [];
  for (const given of value.nodes as unknown[]) {
    const node = readNode(given);
    if (node === undefined || known.has(node.id)) return undefined;
    const { id, parent } = node;
    // A parent comes before its nodes, so nothing can be inside itself; only the first has none.
    if (nodes.length === 0 ? parent !== undefined : parent === undefined || !known.has(parent))
      return undefined;
    known.add(id);
    nodes.push(node);
  }
  if (nodes.length === 0) return undefined;
  const links = value.links.filter((link): link is GivenLink => isLink(link, known));
  return { nodes, links };
}

/** Returns the node, or `undefined` if it is invalid. */
function readNode(value: unknown): GivenNode | undefined {
  if (!isFields(value)) return undefined;
  const { id, name, kind, path, parent, start } = value;
  if (!isText(id) || !isText(name) || !isText(kind)) return undefined;
  if (!Array.isArray(path) || !path.every(isText)) return undefined;
  if (parent !== undefined && !isText(parent)) return undefined;
  return { id, name, kind, path, parent, start: isText(start) ? start : undefined, notes: notesOf(value) };
}

function isLink(value: unknown, known: ReadonlySet<string>): value is GivenLink {
  if (!isFields(value)) return false;
  const { from, action, to } = value;
  return isText(from) && isText(action) && known.has(from) && (to === null || (isText(to) && known.has(to)));
}

const amount = (value: unknown): string =>
  typeof value === "number" ? value.toLocaleString("en") : String(value);

/** The notes of a node. */
function notesOf(node: Fields): string[] {
  const { concurrency, attempts, timeout, until, onError, requires, gates, repeats } = node;
  return [
    ...(concurrency === undefined ? [] : [`${concurrency === null ? "all" : amount(concurrency)} at once`]),
    ...(typeof attempts === "number" ? [`up to ${amount(attempts)} attempts`] : []),
    ...(typeof timeout === "number" ? [`${amount(timeout)} ms for each attempt`] : []),
    ...(isText(until) ? [`waits for ${until}`] : []),
    ...(onError === "collect" ? ["failed items are collected"] : []),
    ...(Array.isArray(requires) && requires.length > 0 ? [`requires ${requires.join(", ")}`] : []),
    ...(isText(repeats) ? ["the same flow as around it"] : []),
    ...(Array.isArray(gates) ? gates.filter(isFields).map(gateNote) : []),
  ];
}

function gateNote({ name, concurrency, rate }: Fields): string {
  const limits: string[] = [];
  if (concurrency !== undefined) limits.push(`${amount(concurrency)} at once`);
  if (isFields(rate)) {
    const { requests, tokens, per } = rate;
    if (requests !== undefined) limits.push(`${amount(requests)} requests in ${amount(per)} ms`);
    if (tokens !== undefined) limits.push(`${amount(tokens)} tokens in ${amount(per)} ms`);
  }
  return `gate${isText(name) ? ` ${name}` : ""}${limits.length > 0 ? `: ${limits.join(", ")}` : ""}`;
}
