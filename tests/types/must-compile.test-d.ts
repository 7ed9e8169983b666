// biome-ignore-all lint/suspicious/noExplicitAny: code that says `any` is what this file is about
// What must compile: the styles that people bring along, with few types, with `any`, and with many.
import {
  AsyncBatchFlow,
  AsyncBatchNode,
  AsyncFlow,
  AsyncNode,
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  type BatchFlow,
  BatchNode,
  type Context,
  chain,
  Flow,
  Gate,
  type ItemFailure,
  isFailure,
  Node,
  node,
  ParallelBatchFlow,
  ParallelBatchNode,
  parallel,
  SluiceError,
} from "sluice";

// Everything annotated with `any`, as in code ported from JavaScript or Python.
class Loose extends Node {
  override prep(shared: any): any {
    return shared.anything;
  }
  override async exec(prepared: any): Promise<any> {
    return prepared.anything;
  }
  override post(shared: any, _prepared: any, result: any): any {
    shared.result = result;
    return shared.action;
  }
}
class LooseBatch extends AsyncParallelBatchNode<any, any, any> {
  override async prep(shared: any): Promise<any> {
    return shared.items;
  }
  override async exec(item: any): Promise<any> {
    return item;
  }
  override async post(shared: any, _items: any, results: any): Promise<any> {
    shared.results = results;
  }
}
class LooseFlow extends AsyncParallelBatchFlow {
  override prep(shared: any): any {
    return shared.items.map((id: any) => ({ id }));
  }
}
const loose = new Loose();
loose.on("any action", new LooseBatch()).on("other", loose).next(new LooseFlow(loose));
void new Flow(loose).run({ anything: 1 });

// All aliases are classes to extend, and types.
class A extends AsyncNode {}
class B extends AsyncBatchNode {}
class C extends ParallelBatchNode {}
class D extends AsyncFlow {}
class E extends AsyncBatchFlow {}
class F extends ParallelBatchFlow {}
const all: [AsyncNode, AsyncBatchNode, ParallelBatchNode, AsyncFlow, BatchFlow, ParallelBatchFlow] = [
  new A(),
  new B(),
  new C(),
  new D(loose),
  new E(loose),
  new F(loose),
];
chain(...all);

// The strict style: actions are read from `post`, and a node may be reused by any store that is large enough.
interface Small {
  text: string;
}
interface Store extends Small {
  pages: string[];
  sizes?: number[];
}
class Trim<S extends Small> extends Node<S> {
  override post(shared: S) {
    shared.text = shared.text.trim();
  }
}
class Decide extends Node<Store, string, "yes" | "no"> {
  override prep(shared: Store) {
    return shared.text;
  }
  override async exec(text: string, { signal, attempt, emit }: Context): Promise<"yes" | "no"> {
    await emit({ attempt });
    return text === "" || signal.aborted ? "no" : "yes";
  }
  override post(_shared: Store, _text: string, answer: "yes" | "no") {
    return answer;
  }
}
class Sizes extends AsyncParallelBatchNode<Store, string, number> {
  override *prep(shared: Store) {
    yield* shared.pages;
  }
  override cost(page: string) {
    return page.length / 4;
  }
  override exec(page: string) {
    return page.length;
  }
  override post(shared: Store, _pages: unknown, sizes: number[]) {
    shared.sizes = sizes;
  }
}
class Streamed extends BatchNode<Store, string, number> {
  override async *prep(shared: Store) {
    yield* shared.pages;
  }
}
class PerPage extends AsyncParallelBatchFlow<Store, { page: string }> {
  override prep(shared: Store) {
    return shared.pages.map((page) => ({ page }));
  }
  override fork(shared: Store, { page }: { page: string }): Store {
    return { ...shared, pages: [page] };
  }
  override join(shared: Store, _params: { page: string }, local: Store) {
    shared.pages.push(...local.pages);
  }
}
const gate = new Gate({ concurrency: 2, rate: { requests: 5, tokens: 100, per: 1_000 } });
const decide = new Decide({ attempts: 3, backoff: { delay: 10, max: 100 }, gate, requires: ["text"] });
const sizes = new Sizes({ concurrency: Number.POSITIVE_INFINITY, onError: "collect" });
const trim = new Trim<Store>();
decide.branch({ yes: sizes, no: null });
sizes
  .next(new Streamed())
  .next(trim)
  .next(new PerPage(trim, { attempts: 2 }));
decide.on("default", trim).on("yes", trim);
const flow = new Flow(chain(trim, decide));
void flow.run({ text: "", pages: [] }, { signal: AbortSignal.timeout(1), params: { deep: 1 }, maxSteps: 9 });
// An inner flow is a node of the outer one.
void new Flow(flow.next(trim)).run({ text: "", pages: [] });

// Types are inferred from one hook to the next.
const inferred = node({
  name: "Count",
  attempts: 2,
  prep: (shared: Store) => shared.text.split(" "),
  exec: (words) => words.length,
  execFallback: (words) => words.length,
  post(shared, words, count) {
    shared.sizes = [count, words.length];
    return count > 2 ? ("many" as const) : ("few" as const);
  },
});
inferred.branch({ many: trim, few: null });
parallel([trim, sizes, flow], {
  until: "settled",
  post: (shared: Store, _prepared, outcomes) => {
    shared.text = outcomes[0]?.status ?? "";
  },
});

// An error and a failed item can be told apart.
declare const result: unknown;
if (isFailure(result)) void [result.index, result.item, result.error, result.attempts];
if (result instanceof SluiceError) void (result.code satisfies string);

// The type arguments that can be left out do not forbid a hook that returns nothing.
parallel<{ n: number }>([node<{ n: number }>({})], {
  until: "settled",
  post: (shared, _prepRes, outcomes) => {
    shared.n = outcomes.length;
  },
});

// Failures and results of a collecting batch are told apart, also by filter.
const collected: ({ score: number } | ItemFailure<{ name: string }>)[] = [];
const failedNames: string[] = collected.filter(isFailure).map(({ item }) => item.name);
for (const each of collected) {
  const value: string | number = isFailure(each) ? each.item.name : each.score;
  void [value, failedNames];
}
