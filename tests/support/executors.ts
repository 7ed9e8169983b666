// Executors for tests: one that makes calls in this process, and one that makes them in another copy of the flow.
import { Executor, type ExecutorAnswer, type ExecutorCall, type Flow } from "sluice";
import { makeSentCall, type OpenCall, type Step } from "sluice/internal";

/** Makes every call here, as if there were no executor. */
export class Here extends Executor {
  readonly calls: ExecutorCall[] = [];
  override execute(call: ExecutorCall): Promise<ExecutorAnswer> {
    this.calls.push(call);
    return call.local();
  }
}

/** Sends every call to a node of another copy of the flow, as plain data; only what is cloned crosses over. */
export class Elsewhere extends Executor {
  override readonly remote = true;
  readonly calls: ExecutorCall[] = [];
  readonly #nodeAt: (place: string) => object;

  /** @param nodeAt - Finds a node of the other copy by its place. */
  constructor(nodeAt: (place: string) => object) {
    super();
    this.#nodeAt = nodeAt;
  }

  override async execute(call: ExecutorCall): Promise<ExecutorAnswer> {
    this.calls.push(call);
    const { job, identity } = call as OpenCall;
    const { runId, key, path, index, params, input, place, signal, drain } = call;
    const { watch, meter } = job.scope.run;
    const sent = { runId, key, path, index, params, input, identity };
    const isWatched = watch !== undefined;
    const outcome = await makeSentCall(
      this.#nodeAt(place) as Step,
      structuredClone({ ...sent, isWatched, isMetered: meter !== undefined }),
      { signal, drain, emit: (data) => void call.emit(structuredClone(data)) },
    );
    if (outcome.kind === "asks") return call.local();
    if (outcome.kind === "undone") throw new Error("undone");
    const { attempts, charged } = structuredClone({ attempts: outcome.attempts, charged: outcome.charged });
    const details = { attempts, charged, machine: "elsewhere" };
    if (outcome.kind === "value") return { ...details, value: structuredClone(outcome.value) };
    // A structured clone keeps no fields of an error.
    const error = Object.assign(structuredClone(outcome.error) as Error, outcome.error);
    return { ...details, error };
  }
}

/** Makes a flow whose executor calls the nodes of another copy of it. */
export function elsewhere<S>(createFlow: (executor: Executor | undefined) => Flow<S>): Flow<S> {
  const other = createFlow(undefined);
  return createFlow(new Elsewhere((place) => nodeAt(other, place)));
}

type Node = { readonly start?: Node; readonly name: string };

/** Follows the names of a place into nested flows; enough for flows whose start has the name. */
function nodeAt(flow: object, place: string): object {
  let node = flow as Node;
  for (const name of place.split("/").slice(1)) {
    const next = node.start;
    if (next?.name !== name) throw new Error(`There is no ${name} in ${place}`);
    node = next;
  }
  return node;
}
