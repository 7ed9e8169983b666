// Random flows of every class whose hooks change the store in ways that show each call made twice or left out.
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  type BaseNode,
  BatchFlow,
  BatchNode,
  chain,
  Flow,
  node,
  parallel,
} from "sluice";

/** Numbers from a seed, the same each time (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

// biome-ignore lint/suspicious/noExplicitAny: stores of any shape
export type Store = Record<string, any>;

/** What disturbs a run, by the number of a call of `exec` or of a hook. */
export interface Disturbance {
  /** Called before each `exec`; may throw. */
  exec(key: string): void | Promise<void>;
  /** Called in the midst of each hook that writes; may throw. */
  hook(name: string): void;
}

const add = (store: Store, name: string) => {
  store.counts ??= {};
  store.counts[name] = (store.counts[name] ?? 0) + 1;
};
/** What ends a process is no failure of an attempt. */
const retryIf = (error: unknown) => !String(error).includes("crash");
const pause = (ms: number) =>
  ms === 0 ? undefined : new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Makes a flow; the same for the same seed, and afresh for each start. */
export function randomFlow(seed: number, disturb: Disturbance): Flow<Store> {
  const random = randomOf(seed);
  const below = (n: number) => Math.floor(random() * n);
  const pick = <T>(...of: T[]): T => of[below(of.length)] as T;
  let ids = 0;

  /** Deterministic failures that attempts get over. */
  const failsOnce = () => pick(false, false, false, true);

  const leaf = (): BaseNode<Store> => {
    const name = `leaf${ids++}`;
    const [prepMs, execMs, postMs] = [pick(0, 0, 0, 1), pick(0, 0, 1, 2), pick(0, 0, 1, 2)];
    const takes = pick(false, true);
    const fails = failsOnce();
    return node({
      name,
      attempts: 2,
      retryIf,
      prep: async (shared: Store, ctx) => {
        if (prepMs > 0) await pause(prepMs);
        if (takes) {
          const taken = (shared.queues ??= {})[name]?.shift();
          disturb.hook(`${ctx.key} prep`);
          return { taken: taken ?? null };
        }
        return undefined;
      },
      exec: async (input: unknown, ctx) => {
        if (execMs > 0) await pause(execMs);
        if (fails && ctx.attempt === 0) throw new Error("again");
        await disturb.exec(ctx.key);
        return { input, key: ctx.key };
      },
      post: async (shared: Store, input, result) => {
        const write = () => {
          add(shared, name);
          disturb.hook(`${name} post`);
          // Which of several walks at once takes what from a queue depends on timing, so a remembered result may be
          // of another input than the one that this process took.
          ((shared.results ??= {})[name] ??= []).push((result as { key: string }).key);
          const taken = (input as { taken: unknown } | undefined)?.taken;
          if (taken !== undefined) (shared.results[`${name} taken`] ??= []).push(taken);
        };
        if (postMs > 0) await pause(postMs);
        write();
        return undefined;
      },
    }) as BaseNode<Store>;
  };

  const loop = (): BaseNode<Store>[] => {
    const name = `loop${ids++}`;
    const times = 1 + below(4);
    const body = leaf();
    const decide = node({
      name,
      prep: (_shared: Store, ctx) => ctx.key.slice(0, ctx.key.lastIndexOf("/")),
      post: (shared: Store, walk) => {
        const counter = `${name} in ${walk}`;
        add(shared, counter);
        return shared.counts[counter] === times ? "out" : "back";
      },
    });
    body.next(decide as never);
    (decide as BaseNode<Store>).on("back" as never, body);
    return [body, decide as BaseNode<Store>];
  };

  const batch = (): BaseNode<Store> => {
    const name = `batch${ids++}`;
    const count = below(7);
    const source = pick("array", "array", "generator", "shared");
    const delivers = pick(false, true);
    const fails = failsOnce();
    const options = { name, attempts: 2, retryIf, onError: "throw" as never };
    const hooks = {
      prep(shared: Store) {
        const items = Array.from({ length: count }, (_each, n) => ({ n }));
        if (source === "shared") {
          if (shared.items === undefined) shared.items = items;
          return shared.items;
        }
        return source === "array"
          ? items
          : (function* () {
              yield* items;
            })();
      },
      async exec(item: { n: number }, ctx: { attempt: number; key: string }) {
        await pause(item.n % 3);
        if (fails && item.n === 1 && ctx.attempt === 0) throw new Error("again");
        await disturb.exec(`${name} ${item.n}`);
        return { item: item.n };
      },
      post(shared: Store, _items: unknown, results: unknown[]) {
        add(shared, name);
        disturb.hook(`${name} post`);
        (shared.results ??= {})[name] = results.map((each) => each);
        return undefined;
      },
    };
    const onResult = async (shared: Store, result: { item: number }) => {
      add(shared, `${name} ${result.item}`);
      disturb.hook(`${name} onResult`);
      if (result.item % 2 === 0) await pause(1);
      add(shared, `${name} end ${result.item}`);
    };
    const Class = pick(BatchNode, AsyncParallelBatchNode) as typeof BatchNode;
    const made = new Class(options as never);
    Object.assign(made, hooks, delivers ? { onResult } : {});
    return made as BaseNode<Store>;
  };

  const flow = (depth: number): BaseNode<Store> => {
    const name = `flow${ids++}`;
    const attempts = pick(1, 1, 2);
    const fails = attempts > 1;
    const made = new Flow(sequence(depth - 1, fails), { name, attempts, retryIf });
    const initialises = pick(false, true);
    made.prep = (shared: Store) => {
      if (initialises) {
        (shared.initialised ??= {})[name] = { list: [name] };
        add(shared, `${name} prep`);
        disturb.hook(`${name} prep`);
        return shared.initialised[name];
      }
      return undefined;
    };
    made.post = (shared: Store, prepared: { list?: string[] } | undefined) => {
      add(shared, name);
      prepared?.list?.push("posted"); // an alias into the store
      return undefined;
    };
    return made;
  };

  const batchFlow = (depth: number): BaseNode<Store> => {
    const name = `each${ids++}`;
    const count = below(5);
    const forks = pick(true, true, false);
    const lists = pick(false, true);
    const attempts = forks ? pick(1, 2) : 1;
    const start = sequence(depth - 1, attempts > 1);
    const options = { name, attempts, retryIf };
    const Class = pick(BatchFlow, AsyncParallelBatchFlow) as typeof BatchFlow;
    const made = new Class(start, options as never) as BatchFlow<Store, { at: number }>;
    made.prep = () => {
      const items = Array.from({ length: count }, (_each, at) => ({ at }));
      return lists
        ? items
        : (function* () {
            yield* items;
          })();
    };
    if (forks) {
      made.fork = (shared: Store, { at }) => ({ at, constants: shared.constants });
      made.join = async (shared: Store, { at }, local: Store, ctx) => {
        add(shared, `${name} ${at}`);
        disturb.hook(`${name} join`);
        if (at % 2 === 0) await pause(1);
        const { constants: _shared, ...own } = local;
        (shared.joined ??= {})[ctx.key] = own;
      };
    }
    made.post = (shared: Store, _params, actions) => {
      add(shared, name);
      (shared.results ??= {})[name] = actions;
      return undefined;
    };
    return made as unknown as BaseNode<Store>;
  };

  const both = (depth: number): BaseNode<Store> => {
    const name = `both${ids++}`;
    const same = leaf();
    const branches = pick([same, same, flow(depth)], [part(depth - 1), part(depth - 1)]);
    return parallel(branches, {
      name,
      post: (shared: Store, _none, outcomes) => {
        add(shared, name);
        (shared.results ??= {})[name] = outcomes;
        return undefined;
      },
    }) as unknown as BaseNode<Store>;
  };

  const part = (depth: number): BaseNode<Store> => {
    if (depth <= 0) return pick(leaf, batch)();
    return pick(
      leaf,
      batch,
      () => flow(depth),
      () => batchFlow(depth),
      () => both(depth),
    )();
  };

  /** A row of parts; where it is tried again, it fails at the end of its first attempt. */
  const sequence = (depth: number, fails: boolean): BaseNode<Store> => {
    const parts: BaseNode<Store>[][] = Array.from({ length: 1 + below(3) }, () =>
      random() < 0.25 ? loop() : [part(depth)],
    );
    if (fails) parts.push([failing(`fail${ids++}`)]);
    for (const [at, [, last = (parts[at] as BaseNode<Store>[])[0]]] of parts.entries()) {
      const next = parts[at + 1]?.[0];
      const isLoop = (parts[at] as BaseNode<Store>[]).length > 1;
      if (next !== undefined) (last as BaseNode<Store>).on((isLoop ? "out" : "default") as never, next);
      else if (isLoop) (last as BaseNode<Store>).end("out" as never);
    }
    return (parts[0] as BaseNode<Store>[])[0] as BaseNode<Store>;
  };

  /** Fails once for each walk that it is in, by a count in the store. */
  const failing = (name: string): BaseNode<Store> => {
    const inHook = pick(false, true);
    return node({
      name,
      prep: (_shared: Store, ctx) => ctx.key.includes("!2"),
      exec: (isSecond: boolean) => {
        if (!isSecond && !inHook) throw new Error(`${name} fails`);
        return isSecond;
      },
      post: (shared: Store, _input, isSecond) => {
        add(shared, name);
        if (!isSecond) throw new Error(`${name} fails half-way`);
        return undefined;
      },
    }) as BaseNode<Store>;
  };

  const start = chain(part(2), ...Array.from({ length: 1 + below(3) }, () => part(2)));
  return new Flow(start, { name: "Main" });
}

/** A store with queues to take from. */
export const firstStore = (): Store => {
  const constants = { a: [1, 2, 3] };
  return {
    constants,
    alias: constants.a,
    queues: Object.fromEntries(
      Array.from({ length: 60 }, (_each, n) => [`leaf${n}`, [1, 2, 3, 4, 5, 6, 7, 8]]),
    ),
  };
};
