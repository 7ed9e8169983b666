// The thread's side of an executor: creates the flow of a module, finds a node by its place, and calls its `exec`.
// Loaded in the thread by its path.
import type { MessagePort } from "node:worker_threads";
import {
  isObject,
  makeSentAttempt,
  nameOf,
  type SentAttempt,
  SluiceError,
  type Step,
  segmentOf,
  WALK,
} from "sluice/internal";
import { graphOf } from "../shared/graph.js";

/** The source of the flow of a node. */
export interface FlowSource {
  readonly url: string;
  /** The name of the export. */
  readonly name: string | undefined;
  /** The argument of a function that creates the flow. */
  readonly deps: unknown;
  /** The id of the executor in its process, whose flow is created once per thread. */
  readonly id: number;
}

/** Messages of a running `exec`. */
export type FromExec = { readonly emit: unknown } | { readonly charge: number } | { readonly end: true };

const graphs = new Map<number, Promise<ReadonlyMap<string, Step>>>();

/** Calls `exec` of the node at a place. */
export async function callNode(
  source: FlowSource,
  place: string,
  sent: SentAttempt,
  port: MessagePort,
): Promise<unknown> {
  try {
    let places = graphs.get(source.id);
    if (places === undefined) graphs.set(source.id, (places = placesOf(source)));
    return await makeSentAttempt(nodeAt(await places, place, source), sent, {
      emit: (emit) => port.postMessage({ emit } satisfies FromExec),
      charge: (charge) => port.postMessage({ charge } satisfies FromExec),
    });
  } finally {
    port.postMessage({ end: true } satisfies FromExec);
    port.close();
  }
}

async function placesOf({ url, name, deps }: FlowSource): Promise<ReadonlyMap<string, Step>> {
  const module = (await import(url)) as Record<string, unknown>;
  const { default: first } = module;
  const exported = (key: string): unknown =>
    module[key] ?? (isObject(first) ? (first as typeof module)[key] : undefined);
  const found = name === undefined ? (exported("createFlow") ?? exported("flow") ?? first) : exported(name);
  const flow: unknown = typeof found === "function" ? await found(deps) : found;
  if (isObject(flow) && WALK in flow) return graphOf(flow as unknown as Step).places;
  const names = Object.keys(module).join(", ") || "none";
  throw new SluiceError(
    "UNLOADABLE",
    `ThreadExecutor: expected ${url} to export ${name ?? "createFlow() or a flow"}, got the exports ${names}; name the export: new ThreadExecutor(module, { name })`,
  );
}

function nodeAt(places: ReadonlyMap<string, Step>, place: string, { url }: FlowSource): Step {
  const [root] = places.values();
  const own = segmentOf(nameOf(root as Step));
  // The flow of the module may be a part of the running flow.
  for (let rest = place; rest !== ""; rest = rest.replace(/^[^/|]*[/|]?/, "")) {
    const node =
      rest === own || rest.startsWith(`${own}/`) || rest.startsWith(`${own}|`) ? places.get(rest) : undefined;
    if (node !== undefined) return node;
  }
  throw new SluiceError(
    "UNLOADABLE",
    `ThreadExecutor: the flow of ${url} has no node at ${place}; its places are ${[...places.keys()].slice(0, 10).join(", ")}`,
  );
}
