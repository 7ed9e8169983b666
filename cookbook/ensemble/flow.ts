// The graph in its three patterns, from the same steps.
import { type BaseNode, chain, Flow, parallel } from "sluice";
import type { Llm } from "./llm.js";
import { Clean, Condense, createExtractor, Rank, type Shared, Writer } from "./nodes.js";

/** What the flows work with. */
export interface EnsembleDeps {
  readonly llm: Llm;
  /** The model of the friendly writer. @default that of `llm` */
  readonly friendly?: Llm;
  /** Where the service in the other process listens. */
  readonly serviceUrl: string;
}

/** The three models. A node has links of its own, so each flow gets its own three. */
const createModels = ({ llm, friendly = llm, serviceUrl }: EnsembleDeps) =>
  [
    new Writer("Formal", "formal", llm),
    new Writer("Friendly", "friendly", friendly),
    createExtractor("Extractor", serviceUrl),
  ] as const;

/** All six steps in a row: takes the sum of their times. */
export function createSequentialFlow(deps: EnsembleDeps): Flow<Shared> {
  const first: BaseNode<Shared> = new Clean();
  return new Flow(chain(first, new Condense(deps.llm), ...createModels(deps), new Rank()), {
    name: "Sequential",
  });
}

/** The three models alone, side by side: takes as long as the slowest. */
export const createParallelFlow = (deps: EnsembleDeps): Flow<Shared> =>
  new Flow(parallel<Shared>(createModels(deps)), { name: "Parallel" });

/**
 * Two steps in a row, three models side by side, a ranker. A model that fails is told of, and the others are
 * ranked.
 */
export function createMixedFlow(deps: EnsembleDeps): Flow<Shared> {
  const models = createModels(deps);
  const all = parallel<Shared>(models, {
    name: "Models",
    until: "settled",
    post: (shared, _prepared, outcomes) => {
      for (const [at, outcome] of outcomes.entries()) {
        if (outcome.status === "rejected") {
          shared.failures.push(`${models[at]?.name}: ${(outcome.reason as Error).message}`);
        }
      }
    },
  });
  const first: BaseNode<Shared> = new Clean();
  return new Flow(chain(first, new Condense(deps.llm), all, new Rank()), { name: "Mixed" });
}
