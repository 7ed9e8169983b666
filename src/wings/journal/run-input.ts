// The input of a run in its row, which a resumed run must repeat.
import { SluiceError } from "sluice";
import { NODE, nameOf, quote, type Run, type Step } from "sluice/internal";
import { type Graph, graphOf } from "../shared/graph.js";
import { encode, encodeGroups } from "../shared/plain-data.js";
import type { NewRun, RunRow } from "./driver.js";
import { fingerprint, toText } from "./identity.js";

/** The store of a run with a journal. */
export type Store = Record<string, unknown>;

/** The facts of a flow that runs record. */
export interface FlowFacts {
  readonly transient: ReadonlySet<string>;
  readonly version: string | null;
  readonly graph: Graph;
}

/** @throws SluiceError `AMBIGUOUS_NAME`. */
export function factsOf(flow: Step): FlowFacts {
  const { transient = [], version } = flow[NODE].options as {
    readonly transient?: readonly string[];
    readonly version?: string | number;
  };
  return {
    transient: new Set(transient),
    version: version === undefined ? null : String(version),
    graph: graphOf(flow),
  };
}

/** @throws SluiceError `NOT_SERIALIZABLE`. */
export function newRun({ id, params }: Run, flow: Step, store: Store, facts: FlowFacts): NewRun {
  const { version, graph, transient } = facts;
  const kept = new Map(Object.entries(store).filter(([key]) => !transient.has(key)));
  const where = (key: string) => `${quote(nameOf(flow))}: the store's ${quote(key)}`;
  const texts = encodeGroups(kept, where).map(({ text }) => text);
  const input = kept.size === 0 ? "" : toText(fingerprint(texts.sort().join("\n")));
  return { id, flow: nameOf(flow), version, graph: graph.fingerprint, params: encode(params), input };
}

/** @throws SluiceError `RUN_INPUT_CHANGED`. */
export function checkInput(now: NewRun, run: RunRow): void {
  if (run.flow !== now.flow) {
    const text = `The run ${quote(run.id)} is one of the flow ${quote(run.flow)}, not of ${quote(now.flow)}; choose another \`runId\``;
    throw new SluiceError("RUN_INPUT_CHANGED", text);
  }
  const what = run.params !== now.params ? "params" : "store";
  const isSame = what === "store" && (now.input === "" || now.input === run.input);
  if (isSame) return;
  throw new SluiceError(
    "RUN_INPUT_CHANGED",
    `The run ${quote(run.id)} began with other ${what}; give a store without keys to resume it, or choose another \`runId\``,
  );
}
