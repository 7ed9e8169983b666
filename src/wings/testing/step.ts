// step(): one step of a node, hook by hook, on the engine, with attempts, gates and timeouts.
import type { Action, BaseNode, RunOptions } from "sluice";
import { MIDDLE, Run, runNode } from "sluice/internal";

/** The awaited result of a hook of a node. */
type Given<N, Hook extends string> = N extends { readonly [H in Hook]: (...args: never[]) => infer R }
  ? Awaited<R>
  : unknown;

/** The store of a node. */
type StoreOf<N> = N extends BaseNode<infer S> ? S : never;

/** The input and the result of `exec`, and the result that `post` gets. */
interface Values<N> {
  readonly prep: Given<N, "prep">;
  readonly exec: N extends { onResult?: unknown } ? Given<N, "exec">[] : Given<N, "exec">;
}

/** The parts of one step. */
export interface StepParts<N> {
  /** Calls `prep` and returns its result. */
  prep(): Promise<Values<N>["prep"]>;
  /**
   * Calls `exec` with its attempts, gate, timeout and fallback; for each item of a batch node; for a flow it walks.
   * Returns the input of `post`.
   *
   * @param prepared - Replaces the result of `prep`, which is then not called.
   */
  exec(...prepared: [prepared?: unknown]): Promise<Values<N>["exec"]>;
  /** Calls `post` and returns the action. Without arguments it runs the whole step. */
  post(...values: [] | [prepared: unknown, result: unknown]): Promise<Action>;
}

/**
 * Runs the hooks of a node one by one, so that a test can check each result. No link is followed.
 *
 * Each part is a separate run, and rejects as `run()` does.
 *
 * @param options - The options of `run()`, such as `params` and `signal`, for each part.
 * @example
 * ```ts
 * import { node } from "sluice";
 * import { step } from "sluice/testing";
 *
 * const count = node({
 *   prep: (shared: { text: string; words?: number }) => shared.text.split(" "),
 *   exec: (words) => words.length,
 *   post: (shared, _words, count) => { shared.words = count; return count > 2 ? "long" : "short"; },
 * });
 * const shared: { text: string; words?: number } = { text: "open the gate" };
 * const { prep, exec, post } = step(count, shared);
 * await prep(); // => ["open", "the", "gate"]
 * await exec(["one"]); // => 1
 * await post([], 1); // => "short"
 * shared.words; // => 1
 * ```
 */
export function step<N extends BaseNode>(node: N, shared: StoreOf<N>, options?: RunOptions): StepParts<N> {
  const run = (parts: object) => runNode(withParts(node, parts), shared as never, new Run(options));
  const prep = async () => {
    let prepared: unknown;
    const keep = async (...args: Parameters<BaseNode["prep"]>) => {
      prepared = await node.prep(...args);
    };
    await run({ prep: keep, exec: nothing, [MIDDLE]: nothing, post: nothing });
    return prepared as Values<N>["prep"];
  };
  return {
    prep,
    exec: async (...given) => {
      let result: unknown;
      const keep = (_shared: unknown, _prepared: unknown, value: unknown) => {
        result = value;
      };
      await run({ ...(given.length > 0 && { prep: () => given[0] }), post: keep });
      return result as Values<N>["exec"];
    },
    post: async (...values) => {
      if (values.length === 0) return run({});
      const [prepared, result] = values;
      return run({ prep: () => prepared, exec: () => result, [MIDDLE]: () => result });
    },
  };
}

const nothing = (): undefined => undefined;

const HOOKS = new Set<PropertyKey>([
  "prep",
  "exec",
  "execFallback",
  "post",
  "cost",
  "onResult",
  "fork",
  "join",
]);

/** A node with some parts replaced; its own hooks keep their `this`, which may have `#private` fields. */
function withParts<N extends BaseNode>(node: N, parts: object): N {
  return new Proxy(node, {
    get: (target, key, proxy) => {
      if (Object.hasOwn(parts, key)) return parts[key as keyof typeof parts];
      const value = Reflect.get(target, key, proxy);
      return HOOKS.has(key) && typeof value === "function" ? value.bind(target) : value;
    },
  });
}
