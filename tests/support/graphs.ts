// Graphs at random, as data; their hooks, which write down every call; and the same graph built three times:
// for sluice, for the reference interpreter, and for the npm package `pocketflow`.
import fc from "fast-check";
import * as pocketflow from "pocketflow";
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  type BaseNode,
  BatchFlow,
  BatchNode,
  Flow,
  isFailure,
  Node,
} from "sluice";
import type { Context, Step } from "./reference.js";

type Kind = "node" | "batch" | "flow" | "batchFlow";
type Action = string | null | undefined;

/** One node of a random graph, and what its hooks do. */
export interface Spec {
  id: number;
  kind: Kind;
  /** Built with a parallel class. */
  wide: boolean;
  /** 0: sync hooks; n: async ones with n waits. */
  pace: number;
  attempts: number;
  /** How many tries of one input fail. */
  fails: number;
  rescue: "value" | "throw" | undefined;
  collect: boolean;
  prepFailsAt: number | undefined;
  postFailsAt: number | undefined;
  /** What `post` returns, visit after visit. */
  actions: Action[];
  /** Whether a flow returns its last action instead. */
  passOn: boolean;
  /** Places in the surrounding body by action. */
  links: Partial<Record<"default" | "a" | "b", number | undefined>>;
  params: boolean;
  items: number | undefined;
  source: "array" | "generator" | "async generator";
  body: Spec[];
}

/** What a graph may hold. */
export interface Shape {
  /** Only what PocketFlow has, and does right. */
  readonly pocketflow?: boolean;
  /** Only what gives the same calls in whatever order iterations run: no failure that ends a batch. */
  readonly wide?: boolean;
}

const rarely = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 1 });
const or = <T>(usual: T, weight: number, arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary });

function stepOf(shape: Shape, depth: number): fc.Arbitrary<Spec> {
  const kinds: Kind[] = depth === 0 ? ["node", "batch"] : ["node", "batch", "flow", "batchFlow"];
  const place = fc.option(fc.nat(3), { nil: undefined });
  return fc.constantFrom(...kinds).chain((kind) => {
    const flow = kind === "flow" || kind === "batchFlow";
    const few = shape.pocketflow === true;
    const tries = !(few && flow);
    return fc
      .record({
        id: fc.constant(0),
        kind: fc.constant(kind),
        wide: shape.wide ? fc.constant(true) : fc.boolean(),
        pace: fc.nat(3),
        attempts: tries && !(few && shape.wide) ? fc.integer({ min: 1, max: 3 }) : fc.constant(1),
        fails: shape.wide ? fc.nat(1) : or(0, 2, fc.nat(3)),
        rescue: tries
          ? or<Spec["rescue"]>(undefined, 2, fc.constantFrom("value", "value", "throw"))
          : fc.constant(undefined),
        collect: few ? fc.constant(false) : fc.boolean(),
        prepFailsAt: shape.wide ? fc.constant(undefined) : or(undefined, 30, rarely(fc.nat(2))),
        postFailsAt: shape.wide ? fc.constant(undefined) : or(undefined, 30, rarely(fc.nat(2))),
        actions: fc.array(fc.constantFrom<Action>("default", "a", "b", "c", "", null, undefined), {
          minLength: 1,
          maxLength: 4,
        }),
        passOn: few ? fc.constant(false) : fc.boolean(),
        links: fc.record({ default: place, a: place, b: place }),
        params: few ? fc.constant(false) : fc.boolean(),
        items: few ? fc.nat(3) : or<number | undefined>(2, 3, fc.option(fc.nat(3), { nil: undefined })),
        source: few
          ? fc.constant("array" as const)
          : fc.constantFrom("array", "generator", "async generator"),
        body: flow
          ? fc.array(stepOf(shape, depth - 1), { minLength: 1, maxLength: 4 })
          : fc.constant<Spec[]>([]),
      })
      .map((spec): Spec => {
        if (!shape.wide || flow) return { ...spec, fails: flow ? 0 : spec.fails };
        // Whatever fails is rescued, so that nothing is cut short.
        const rescued = spec.fails < spec.attempts ? spec.rescue : "value";
        return { ...spec, rescue: rescued === "throw" ? "value" : rescued };
      });
  });
}

/** A flow at random, three levels deep at most. */
export const graphs = (shape: Shape = {}): fc.Arbitrary<Spec> =>
  fc.array(stepOf(shape, 2), { minLength: 1, maxLength: 4 }).map((body) => {
    let ids = 0;
    const number = (spec: Spec): Spec => ({ ...spec, id: ids++, body: spec.body.map(number) });
    return number({
      id: 0,
      kind: "flow",
      wide: false,
      pace: 0,
      attempts: 1,
      fails: 0,
      rescue: undefined,
      collect: false,
      prepFailsAt: undefined,
      postFailsAt: undefined,
      actions: ["end"],
      passOn: shape.pocketflow !== true,
      links: {},
      params: false,
      items: undefined,
      source: "array",
      body,
    });
  });

/** Values as they can be compared: failures and errors by what they say, sources of items by name. */
export function plain(value: unknown): unknown {
  if (value instanceof Error) return `Error: ${value.message}`;
  if (isFailure(value) || (typeof value === "object" && value !== null && "attempts" in value)) {
    const { index, item, error, attempts } = value as { [key: string]: unknown };
    return { failed: index, item: plain(item), error: plain(error), attempts };
  }
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null && "next" in value) return "a generator";
  return value === undefined ? "undefined" : value;
}

/** Everything that one run of a graph did. */
export class World {
  readonly trace: unknown[] = [];
  /** Hooks that may touch the store and have not ended. */
  atTheStore = 0;
  /** Set by a test when the run has settled; what touches the store later is counted. */
  settled = false;
  late = 0;
  readonly #counts = new Map<string, number>();
  readonly #pause: () => unknown;

  /** @param pause - What an async hook awaits before and after its work. */
  constructor(pause: () => unknown = () => undefined) {
    this.#pause = pause;
  }

  pause(): unknown {
    return this.#pause();
  }

  /** A hook goes to the store; call the result when it has ended. */
  enter(): () => void {
    if (this.settled) this.late++;
    this.atTheStore++;
    return () => void this.atTheStore--;
  }

  /** How often these have been counted before. */
  count(...key: unknown[]): number {
    const name = JSON.stringify(key);
    const count = this.#counts.get(name) ?? 0;
    this.#counts.set(name, count + 1);
    return count;
  }

  write(...entry: unknown[]): void {
    this.trace.push(JSON.parse(JSON.stringify(entry)));
  }
}

const MOST_VISITS = 4;

/** The hooks of a node. They depend on what they are given and on earlier visits with the same params. */
function hooksOf(spec: Spec, world: World) {
  const { id, kind } = spec;
  const flow = kind === "flow" || kind === "batchFlow";
  const told = ({ params, index, attempt }: Context) => ({ params, index: index ?? "none", attempt });
  /** Does the work at once, or with waits before and after it, as the pace says. */
  const paced = <A extends unknown[]>(work: (...args: A) => unknown, enter = () => world.enter()) =>
    spec.pace === 0
      ? (...args: A) => {
          const leave = enter();
          try {
            return work(...args);
          } finally {
            leave();
          }
        }
      : async (...args: A) => {
          const leave = enter();
          try {
            await world.pause();
            const outcome = work(...args);
            for (let waits = 1; waits < spec.pace; waits++) await world.pause();
            return outcome;
          } finally {
            leave();
          }
        };
  /** The same for hooks that never see the store, and may outlive the run when they are abandoned. */
  const pacedApart = <A extends unknown[]>(work: (...args: A) => unknown) => paced(work, () => () => {});
  const itemsOf = (visit: number): unknown => {
    if (spec.items === undefined) return undefined;
    const items = Array.from({ length: spec.items }, (_, i) =>
      kind === "batch" ? `${id}.${visit}.${i}` : { [`p${id}`]: i, who: id },
    );
    if (spec.source === "array") return items;
    return spec.source === "generator"
      ? (function* () {
          yield* items;
        })()
      : (async function* () {
          yield* items;
        })();
  };
  return {
    prep: paced((shared: object, ctx: Context) => {
      const visit = world.count("prep", id, ctx.params);
      world.write(id, "prep", shared, told(ctx));
      if (visit === spec.prepFailsAt) throw new Error(`prep ${id}.${visit}`);
      return kind === "batch" || kind === "batchFlow" ? itemsOf(visit) : `${id}.${visit}`;
    }),
    exec: pacedApart((input: unknown, ctx: Context) => {
      world.write(id, "exec", input, told(ctx));
      if (world.count("exec", input, ctx.params) < spec.fails) throw new Error(`exec ${input}`);
      return `x(${input})`;
    }),
    execFallback:
      spec.rescue === undefined
        ? undefined
        : pacedApart((input: unknown, error: unknown, ctx: Context) => {
            world.write(id, "execFallback", plain(input), plain(error), told(ctx));
            if (spec.rescue === "throw") throw new Error(`fallback ${id}`);
            return flow ? "a" : `rescued(${input})`;
          }),
    post: paced((shared: object, prepared: unknown, result: unknown, ctx: Context) => {
      const visit = world.count("post", id, ctx.params);
      const seen = plain(result);
      world.write(id, "post", shared, plain(prepared), seen, told(ctx));
      Object.assign(shared, { [`r${id}`]: seen, visits: (shared as { visits: number }).visits + 1 });
      if (visit === spec.postFailsAt) throw new Error(`post ${id}.${visit}`);
      if (visit >= MOST_VISITS) return "stop";
      return spec.passOn && kind === "flow" ? result : spec.actions[visit % spec.actions.length];
    }),
  };
}

const paramsOf = (spec: Spec) => (spec.params ? { [`f${spec.id}`]: spec.id, who: spec.id } : undefined);

/** Builds a body and links it. */
function bodyOf<N>(spec: Spec, build: (spec: Spec) => N, link: (from: N, action: string, to: N) => void): N {
  const built = spec.body.map(build);
  spec.body.forEach(({ links }, from) => {
    for (const [action, to] of Object.entries(links)) {
      if (to !== undefined) link(built[from] as N, action, built[to % built.length] as N);
    }
  });
  return built[0] as N;
}

export function forSluice(spec: Spec, world: World, concurrency = 1): BaseNode {
  const { kind, wide, collect } = spec;
  const hooks = hooksOf(spec, world);
  const common = { name: `n${spec.id}`, attempts: spec.attempts };
  const batch = { ...common, onError: collect ? ("collect" as const) : ("throw" as const) };
  const start = () =>
    bodyOf<BaseNode>(
      spec,
      (each) => forSluice(each, world, concurrency),
      (from, action, to) => from.on(action, to),
    );
  const params = paramsOf(spec);
  const made =
    kind === "node"
      ? new Node(common)
      : kind === "batch"
        ? wide
          ? new AsyncParallelBatchNode({ ...batch, concurrency })
          : new BatchNode(batch)
        : kind === "flow"
          ? new Flow(start(), { ...common, params })
          : wide
            ? new AsyncParallelBatchFlow(start(), { ...batch, params, concurrency })
            : new BatchFlow(start(), { ...batch, params });
  const { exec, execFallback, ...always } = hooks;
  Object.assign(made, always, execFallback && { execFallback });
  if (kind === "node" || kind === "batch") Object.assign(made, { exec });
  return (made as BaseNode).end("stop");
}

export function forReference(spec: Spec, world: World): Step {
  const start =
    spec.body.length === 0
      ? undefined
      : bodyOf<Step>(
          spec,
          (each) => forReference(each, world),
          (from, action, to) => from.links.set(action, to),
        );
  const { kind, attempts, collect } = spec;
  const rethrow = (_input: unknown, error: unknown) => {
    throw error;
  };
  const { execFallback = rethrow, ...hooks } = hooksOf(spec, world);
  return {
    kind,
    attempts,
    collect,
    start,
    params: paramsOf(spec),
    links: new Map(),
    ...hooks,
    execFallback,
  };
}

export function forPocketFlow(spec: Spec, world: World): pocketflow.BaseNode {
  const start = () =>
    bodyOf<pocketflow.BaseNode>(
      spec,
      (each) => forPocketFlow(each, world),
      (from, action, to) => void from.on(action, to),
    );
  const { kind, wide, attempts } = spec;
  const made =
    kind === "node"
      ? new pocketflow.Node(attempts)
      : kind === "batch"
        ? new (wide ? pocketflow.ParallelBatchNode : pocketflow.BatchNode)(attempts)
        : kind === "flow"
          ? new pocketflow.Flow(start())
          : new (wide ? pocketflow.ParallelBatchFlow : pocketflow.BatchFlow)(start());
  const { prep, exec, execFallback, post } = hooksOf(spec, world);
  // A hook of PocketFlow finds its params on the node, and is told neither attempt nor index.
  const ctx = (node: object) =>
    ({ params: (node as { _params: object })._params, index: undefined, attempt: 0 }) satisfies Context;
  Object.assign(made, {
    async prep(this: object, shared: object) {
      return prep(shared, ctx(this));
    },
    async post(this: object, shared: object, prepared: unknown, result: unknown) {
      return post(shared, prepared, result, ctx(this));
    },
  });
  if (kind === "node" || kind === "batch") {
    Object.assign(made, {
      async exec(this: object, input: unknown) {
        return exec(input, ctx(this));
      },
    });
    if (execFallback) {
      Object.assign(made, {
        async execFallback(this: object, input: unknown, error: unknown) {
          return execFallback(input, error, ctx(this));
        },
      });
    }
  }
  return made;
}
