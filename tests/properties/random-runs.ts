// Runs a random program by sluice under an observer: counters in its hooks, and no code of sluice.
import { getEventListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { EventEmitter } from "eventemitter3";
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  type BaseNode,
  BatchFlow,
  BatchNode,
  type Context,
  chain,
  Flow,
  Gate,
  isFailure,
  Node,
  parallel,
  type RunEvents,
  type RunOptions,
  SluiceError,
} from "sluice";
import {
  Counts,
  type Expected,
  failsOf,
  interpret,
  type Log,
  type Moment,
  type Pace,
  type Part,
  type Program,
  placeOf,
  type Work,
} from "./random-programs.js";

interface Store {
  log: Log;
}
/** What `prep` gives to `exec`. */
interface Input {
  name: string;
  visit: number;
  index: number;
}

/** What a program's own code throws. */
class Fault extends Error {}

const STORE_HOOKS = new Set(["prep", "post", "onResult", "join", "fork"]);
/** What a drain lets begin: the end of what is in flight. */
const ENDS = new Set(["post", "onResult", "join"]);

/** How a run came out. */
export type Outcome = "resolved" | "failed" | "aborted" | "drained" | "spent" | "too many steps";

/** Sees one run of a program, from its hooks. */
class Observer {
  readonly faults: string[] = [];
  readonly counts = new Counts();
  readonly abort = new AbortController();
  readonly drain = new AbortController();
  /** Calls that ended well, each with the delivery that it is owed; see {@link lost}. */
  readonly answered = new Set<string>();
  readonly delivered = new Set<string>();
  readonly #program: Program;
  readonly #running = new Map<string, number>();
  readonly #calls = new Set<Promise<unknown>>();
  #hooks = 0;
  #atTheStore = 0;
  #settled = false;

  constructor(program: Program) {
    this.#program = program;
  }

  fault(what: string): void {
    this.faults.push(what);
  }

  /** A hook begins; call the result when it ends. */
  begin(hook: string, name: string): () => void {
    const what = `${hook} of ${name} began`;
    if (this.#settled) this.fault(`${what} after run() had settled`);
    if (this.abort.signal.aborted) this.fault(`${what} after the abort`);
    if (this.drain.signal.aborted && !ENDS.has(hook)) this.fault(`${what} after the drain`);
    this.#hooks++;
    this.#fireAt(this.#program.abort, this.abort);
    this.#fireAt(this.#program.drain, this.drain);
    if (!STORE_HOOKS.has(hook)) return () => {};
    this.#atTheStore++;
    return () => void this.#atTheStore--;
  }

  #fireAt(moment: Moment | undefined, controller: AbortController): void {
    if (moment !== undefined && "hook" in moment && moment.hook === this.#hooks) controller.abort();
  }

  /** One more of something that is limited; call the result, as often as you like, when it ends. */
  enter(what: string, limit: number): () => void {
    const running = (this.#running.get(what) ?? 0) + 1;
    this.#running.set(what, running);
    if (running > limit) this.fault(`${running} of ${what} at once, of ${limit} at most`);
    let isIn = true;
    return () => {
      if (isIn) this.#running.set(what, (this.#running.get(what) ?? 0) - 1);
      isIn = false;
    };
  }

  /** A call of `exec` or of its fallback, which may outlive the run. */
  follow<T>(call: Promise<T>): Promise<T> {
    const forget = () => void this.#calls.delete(ended);
    const ended: Promise<void> = call.then(forget, forget);
    this.#calls.add(ended);
    return call;
  }

  settle(): void {
    this.#settled = true;
    if (this.#atTheStore > 0) this.fault(`${this.#atTheStore} hooks were at the store when run() settled`);
  }

  /** Waits for the calls that were abandoned. */
  async rest(): Promise<void> {
    while (this.#calls.size > 0) await Promise.all(this.#calls);
  }

  /** Answers that were paid for and never reached the store. */
  get lost(): string[] {
    return [...this.answered].filter((name) => !this.delivered.has(name));
  }
}

const pass = async (pace: Pace): Promise<void> => {
  if (typeof pace === "number") await sleep(pace);
};

/** Builds a program, with hooks that tell the observer. */
class Builder {
  readonly gates: readonly Gate[];
  readonly #program: Program;
  readonly #observer: Observer;

  constructor(program: Program, observer: Observer) {
    this.#program = program;
    this.#observer = observer;
    this.gates = program.gates.map((concurrency) => new Gate({ concurrency }));
  }

  /** A hook that sees the store, at the pace of its node. */
  #atStore<A extends unknown[], R>(
    hook: string,
    pace: Pace,
    nameOf: (...args: A) => string,
    work: (...args: A) => R,
  ) {
    return (...args: A): R | Promise<R> => {
      const end = this.#observer.begin(hook, nameOf(...args));
      if (pace !== "sync") {
        return (async () => {
          await pass(pace);
          return work(...args);
        })().finally(end);
      }
      try {
        return work(...args);
      } finally {
        end();
      }
    };
  }

  /** The `exec` of a node or of an item. */
  #exec(part: Part, work: Work, most: number) {
    const observer = this.#observer;
    return (input: Input, ctx: Context): string | Promise<string> => {
      const { name, visit, index } = input;
      const ends = [observer.begin("exec", name)];
      const batch = `${part.kind} ${part.id} ${JSON.stringify(ctx.params)} ${visit}`;
      const leave = observer.enter(batch, most);
      ends.push(leave);
      if (work.gate !== undefined) {
        ends.push(observer.enter(`gate ${work.gate}`, this.#program.gates[work.gate] as number));
      }
      const mayBeAbandoned = work.timeout !== undefined;
      if (mayBeAbandoned) ctx.signal.addEventListener("abort", leave, { once: true });
      const end = () => {
        for (const each of ends) each();
      };
      const answer = () => {
        if (ctx.attempt < failsOf(work, visit, index)) throw new Fault(`exec of ${name}`);
        observer.answered.add(name);
        return name;
      };
      if (work.pace === "sync") {
        try {
          return answer();
        } finally {
          end();
        }
      }
      const signal = work.heeds ? ctx.signal : undefined;
      const call = async () => {
        await (typeof work.pace === "number" ? sleep(work.pace, undefined, { signal }) : undefined);
        return answer();
      };
      return observer.follow(call().finally(end));
    };
  }

  #fallback() {
    return async (input: Input, error: unknown): Promise<string> => {
      this.#observer.begin("execFallback", input.name)();
      if (!(error instanceof Fault) && !isOurs(error, "TIMEOUT")) {
        this.#observer.fault(`execFallback of ${input.name} got ${error}`);
      }
      this.#observer.answered.add(input.name);
      return `rescued ${input.name}`;
    };
  }

  /** A name for each visit of a place, by which `post` finds what `prep` has begun. */
  #visit(part: Part, ctx: Context): Input {
    const place = placeOf(part, ctx.params);
    const visit = this.#observer.counts.next(place);
    return { name: `${place} ${visit}`, visit, index: 0 };
  }

  #options(work: Work) {
    const { attempts, backoff, timeout, gate } = work;
    return { attempts, backoff, timeout, gate: gate === undefined ? undefined : this.gates[gate] };
  }

  #node(part: Part & { kind: "node" }): BaseNode<Store> {
    const { work } = part;
    const named = (ctx: Context) => placeOf(part, ctx.params);
    const made = new Node<Store, Input, string>(this.#options(work));
    return Object.assign(made, {
      prep: this.#atStore(
        "prep",
        work.storePace,
        (_shared: Store, ctx: Context) => named(ctx),
        (_shared: Store, ctx: Context) => this.#visit(part, ctx),
      ),
      exec: this.#exec(part, work, 1),
      ...(work.rescue && { execFallback: this.#fallback() }),
      post: this.#atStore(
        "post",
        work.storePace,
        (_shared: Store, { name }: Input, _result: string) => name,
        (shared: Store, { name }: Input, result: string) => {
          this.#observer.delivered.add(name);
          shared.log[name] = result;
          return undefined;
        },
      ),
    });
  }

  /** What batches of both kinds have: options, and hooks around their items. */
  #fan(part: Part & { kind: "batch" | "batchFlow" }, pace: Pace) {
    const { fan } = part;
    const observer = this.#observer;
    /** What `prep` began last at a place; one execution of it at a time. */
    const open = new Map<string, Input>();
    const visitOf = (ctx: Context) => open.get(placeOf(part, ctx.params)) as Input;
    const told = (outcome: unknown) =>
      isFailure(outcome) ? `failed ${outcome.index}` : part.kind === "batch" ? outcome : "walked";
    const options = {
      onError: fan.collect ? ("collect" as const) : ("throw" as const),
      maxFailures: fan.maxFailures,
      ...(fan.wide && { concurrency: fan.concurrency }),
    };
    const onResult = (shared: Store, outcome: unknown, _item: unknown, ctx: Context) => {
      const name = `${visitOf(ctx).name} ${ctx.index}`;
      const end = observer.enter(`onResult of ${visitOf(ctx).name}`, 1);
      const leave = observer.begin("onResult", name);
      const take = () => {
        observer.delivered.add(name);
        shared.log[name] = told(outcome);
        end();
        leave();
      };
      if (pace === "sync") return take();
      return pass(pace).then(take);
    };
    const hooks = {
      prep: this.#atStore(
        "prep",
        pace,
        (_shared: Store, ctx: Context) => placeOf(part, ctx.params),
        (_shared: Store, ctx: Context) => {
          const visit = this.#visit(part, ctx);
          open.set(placeOf(part, ctx.params), visit);
          const items = Array.from({ length: fan.items }, (_, index) =>
            part.kind === "batch"
              ? { ...visit, name: `${visit.name} ${index}`, index }
              : { [`p${part.id}`]: index },
          );
          return sourceOf(items, fan.source);
        },
      ),
      ...(fan.onResult && { onResult }),
      post: this.#atStore(
        "post",
        pace,
        (_shared: Store, _items: unknown, _results: unknown[], ctx: Context) => visitOf(ctx).name,
        (shared: Store, _items: unknown, results: unknown[], ctx: Context) => {
          const { name } = visitOf(ctx);
          shared.log[name] = Array.from(results, told);
          return undefined;
        },
      ),
    };
    return { options, hooks, visitOf };
  }

  #batch(part: Part & { kind: "batch" }): BaseNode<Store> {
    const { work, fan } = part;
    const { options, hooks } = this.#fan(part, work.storePace);
    const both = { ...this.#options(work), ...options };
    const made = fan.wide ? new AsyncParallelBatchNode(both as never) : new BatchNode(both as never);
    const most = fan.wide ? fan.concurrency : 1;
    const exec = this.#exec(part, work, most);
    return Object.assign(made, hooks, { exec }, work.rescue && { execFallback: this.#fallback() }) as never;
  }

  /** The parts of a walk in a row, and a last node that begins another round. */
  #body(part: Part & { body: Part[]; times: number }): BaseNode<Store> {
    const [first, ...rest] = part.body.map((each) => this.build(each));
    const place = (_shared: Store, ctx: Context) => `round ${placeOf(part, ctx.params)}`;
    const round = new Node<Store>({ name: "Round" });
    round.prep = this.#atStore("prep", "sync", place, () => undefined);
    round.post = this.#atStore(
      "post",
      "sync",
      (shared: Store, _none: unknown, _result: unknown, ctx: Context) => place(shared, ctx),
      (shared: Store, _none: unknown, _result: unknown, ctx: Context) =>
        (this.#observer.counts.next(place(shared, ctx)) + 1) % part.times === 0 ? "done" : "again",
    );
    const start = chain(first as BaseNode<Store>, ...rest, round);
    round.on("again", start);
    round.end("done");
    return start;
  }

  #flow(part: Part & { kind: "flow" }): BaseNode<Store> {
    return Object.assign(
      new Flow<Store>(this.#body(part)),
      this.#around(part, () => "walked"),
    );
  }

  /** The `prep` and `post` of a part that gives its branches or its walk nothing. */
  #around(part: Part, told: (result: unknown) => unknown) {
    const visits = new Map<string, Input>();
    const placed = (ctx: Context) => placeOf(part, ctx.params);
    return {
      prep: this.#atStore(
        "prep",
        "sync",
        (_shared: Store, ctx: Context) => placed(ctx),
        (_shared: Store, ctx: Context) => void visits.set(placed(ctx), this.#visit(part, ctx)),
      ),
      post: this.#atStore(
        "post",
        "sync",
        (_shared: Store, _none: unknown, _result: unknown, ctx: Context) => placed(ctx),
        (shared: Store, _none: unknown, result: unknown, ctx: Context) => {
          shared.log[(visits.get(placed(ctx)) as Input).name] = told(result);
          return undefined;
        },
      ),
    };
  }

  #batchFlow(part: Part & { kind: "batchFlow" }): BaseNode<Store> {
    const { fan } = part;
    const { options, hooks, visitOf } = this.#fan(part, "sync");
    const start = this.#body(part);
    const made = fan.wide
      ? new AsyncParallelBatchFlow<Store>(start, options as never)
      : new BatchFlow<Store>(start, options as never);
    if (!part.forks) return Object.assign(made, hooks) as never;
    const named = (_shared: Store, params: object) => `${part.id} ${JSON.stringify(params)}`;
    const fork = this.#atStore("fork", "sync", named, (): Store => ({ log: {} }));
    const join = async (shared: Store, params: object, local: Store, ctx: Context) => {
      const end = this.#observer.begin("join", named(shared, params));
      const leave = this.#observer.enter(`join of ${visitOf(ctx).name}`, 1);
      await undefined;
      Object.assign(shared.log, local.log);
      leave();
      end();
    };
    return Object.assign(made, hooks, { fork, join }) as never;
  }

  #parallel(part: Part & { kind: "parallel" }): BaseNode<Store> {
    const branches = part.body.map((each) => this.build(each));
    const { until } = part;
    const made =
      until === "settled" ? parallel<Store>(branches, { until }) : parallel<Store>(branches, { until });
    const told = (outcomes: unknown) =>
      until === "settled" ? (outcomes as { status: string }[]).map(({ status }) => status) : "done";
    return Object.assign(made, this.#around(part, told)) as never;
  }

  build(part: Part): BaseNode<Store> {
    if (part.kind === "node") return this.#node(part);
    if (part.kind === "batch") return this.#batch(part);
    if (part.kind === "flow") return this.#flow(part);
    if (part.kind === "batchFlow") return this.#batchFlow(part);
    return this.#parallel(part);
  }
}

function sourceOf<T>(items: T[], source: "array" | "generator" | "async generator"): unknown {
  if (source === "array") return items;
  if (source === "generator") return items.values();
  return (async function* () {
    yield* items;
  })();
}

const isOurs = (error: unknown, code: string) => error instanceof SluiceError && error.code === code;

/** Runs a flow under the program's watcher. */
async function runWatched(flow: Flow<Store>, shared: Store, program: Program, options: RunOptions) {
  switch (program.watcher) {
    case "events": {
      const events = new EventEmitter<RunEvents>();
      for (const type of ["run", "step", "item", "attempt", "gate", "data", "warning", "usage"] as const) {
        events.on(type, () => {});
      }
      return flow.run(shared, { ...options, events });
    }
    case "around":
      return flow.run(shared, { ...options, around: [(_span, next) => next()] });
    case "stream":
      for await (const _event of flow.stream(shared, options));
      return undefined;
    default:
      return flow.run(shared, options);
  }
}

/** Whether it may come out so; what it may not is a fault. */
function outcomeOf(error: unknown, observer: Observer, program: Program): Outcome | undefined {
  const { abort, drain } = observer;
  if (abort.signal.aborted && error === abort.signal.reason) return "aborted";
  if (drain.signal.aborted && error === drain.signal.reason) return "drained";
  if (program.calls !== undefined && isOurs(error, "BUDGET_SPENT")) return "spent";
  if (program.maxSteps !== undefined && isOurs(error, "MAX_STEPS")) return "too many steps";
  const own = error instanceof Fault || error instanceof AggregateError;
  return own || isOurs(error, "TIMEOUT") || isOurs(error, "TOO_MANY_FAILURES") ? "failed" : undefined;
}

/** What the values that a run left in the store should be, and are. */
function compareLogs(observer: Observer, log: Log, expected: Expected): void {
  for (const name of new Set([...Object.keys(log), ...Object.keys(expected.log)])) {
    const [is, should] = [JSON.stringify(log[name]), JSON.stringify(expected.log[name])];
    if (is !== should) observer.fault(`${name} is ${is}, not ${should}`);
  }
}

function judge(program: Program, observer: Observer, outcome: Outcome, log: Log): void {
  const expected = interpret(program);
  if (outcome === "resolved" && expected.failed && !expected.open) observer.fault("it should have failed");
  if (outcome === "failed" && !expected.failed && !expected.open) observer.fault("it should not have failed");
  if (expected.open) return;
  if (outcome === "spent" && expected.calls <= (program.calls as number)) {
    observer.fault(`BUDGET_SPENT after fewer than ${program.calls} calls`);
  }
  const ended = outcome === "resolved" || outcome === "failed";
  if (ended && program.calls !== undefined && expected.calls > program.calls) {
    observer.fault(`${expected.calls} calls on a budget of ${program.calls}`);
  }
  if (ended) compareLogs(observer, log, expected);
  if (outcome === "drained" || outcome === "spent") {
    const owed = new Set(owedIn(program.root));
    for (const name of observer.lost) {
      if (!expected.failed && owed.has(Number.parseInt(name, 10))) observer.fault(`${name} is lost`);
    }
  }
}

/** The places whose answers are delivered one by one, also where a batch is not complete. */
function owedIn(part: Part): number[] {
  if (part.kind === "node" || (part.kind === "batch" && part.fan.onResult)) return [part.id];
  return "body" in part ? part.body.flatMap(owedIn) : [];
}

/** Runs a program; gives how it came out, and what the observer found wrong. */
export async function observe(program: Program): Promise<{ outcome: Outcome | undefined; faults: string[] }> {
  const observer = new Observer(program);
  const builder = new Builder(program, observer);
  const flow = builder.build(program.root) as Flow<Store>;
  const shared: Store = { log: {} };
  const { abort, drain, calls, maxSteps } = program;
  const options: RunOptions = {
    ...(abort && { signal: observer.abort.signal }),
    ...(drain && { drain: observer.drain.signal }),
    ...(calls !== undefined && { budget: { calls } }),
    ...(maxSteps !== undefined && { maxSteps }),
  };
  const moments = [
    [abort, observer.abort],
    [drain, observer.drain],
  ] as const;
  const running = runWatched(flow, shared, program, options);
  const timers = moments.map(async ([moment, controller]) => {
    if (moment === undefined || !("ms" in moment)) return;
    await sleep(moment.ms);
    controller.abort();
  });
  let outcome: Outcome | undefined;
  try {
    await running;
    observer.settle();
    outcome = "resolved";
  } catch (error) {
    observer.settle();
    outcome = outcomeOf(error, observer, program);
    if (outcome === undefined) observer.fault(`it ended with ${error}`);
  }
  for (const [moment, { signal }] of moments) {
    const left = moment === undefined ? 0 : getEventListeners(signal, "abort").length;
    if (left > 0) observer.fault(`${left} listeners were left on a signal of the run`);
  }
  const before = JSON.stringify(shared.log);
  if (outcome !== undefined) judge(program, observer, outcome, shared.log);
  await Promise.all([observer.rest(), ...timers]);
  await sleep(1);
  if (JSON.stringify(shared.log) !== before) observer.fault("the store was written after the run");
  for (const gate of builder.gates) {
    const { running: still, waiting } = gate.stats();
    if (still + waiting > 0) observer.fault(`a gate has ${still} running and ${waiting} waiting`);
  }
  return { outcome, faults: observer.faults };
}
