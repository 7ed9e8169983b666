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
  type BatchNodeOptions,
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
const sizes = new Sizes({ concurrency: Number.POSITIVE_INFINITY, onError: "throw" });
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

// A class that says "collect" says what it does with failures; what it takes may be a wider type too.
class Scores extends AsyncParallelBatchNode<Store, string, number, "collect"> {
  override post(shared: Store, _pages: unknown, scores: (number | ItemFailure<string>)[]) {
    shared.sizes = scores.map((score) => (isFailure(score) ? score.attempts : score));
  }
  override onResult(shared: Store, score: number | ItemFailure<string>, page: string) {
    if (!isFailure(score)) shared.sizes?.push(score + page.length);
  }
}
new Scores({ onError: "collect", concurrency: 4 }).next(sizes);
class Wider extends BatchNode<Store, string, number, "collect"> {
  constructor(options: BatchNodeOptions<Store, "collect"> = {}) {
    super({ attempts: 2, ...options, onError: "collect" });
  }
  override post(_shared: Store, _pages: unknown, all: readonly (unknown | ItemFailure)[]) {
    void all.filter(isFailure);
  }
  override onResult(_shared: Store, _result: unknown) {}
}
class Nothing extends BatchNode<Store, string, void, "collect"> {
  // biome-ignore lint/suspicious/noConfusingVoidType: what its exec returns
  override post(shared: Store, _pages: unknown, ends: (void | ItemFailure<string>)[]) {
    shared.text = ends.flatMap((end) => (isFailure(end) ? [end.item] : [])).join();
  }
}
class EachPage extends AsyncParallelBatchFlow<Store, { page: string }, "collect"> {
  override post(shared: Store, _pages: unknown, ends: (string | ItemFailure<{ page: string }>)[]) {
    shared.pages = ends.map((end) => (isFailure(end) ? end.item.page : end));
  }
  override onResult(_shared: Store, _end: string | undefined | ItemFailure<{ page: string }>) {}
}
class LastOnes extends AsyncBatchFlow<Store, { page: string }> {
  override post(shared: Store, _pages: unknown, ends: (string | undefined)[]) {
    shared.text = ends.join();
  }
}
// A class that is used in both ways says both.
class Either extends BatchNode<Store, string, number, "throw" | "collect"> {
  override post(_shared: Store, _pages: unknown, sizes: (number | ItemFailure<string>)[]) {
    void sizes.filter(isFailure);
  }
}
chain(
  new Wider(),
  new Nothing({ onError: "collect" }),
  new EachPage(trim, { onError: "collect", params: {} }),
  new LastOnes(trim),
  new LastOnes(trim, { onError: "throw" }),
  new Either(),
  new Either({ onError: "throw" }),
  new Either({ onError: "collect" }),
);
// Without types of results both compile, as in plain JavaScript.
class Plain extends AsyncParallelBatchNode<Store> {
  override post(_shared: Store, _pages: any, results: any) {
    void results.length;
  }
  override onResult(_shared: Store, _result: any) {}
}
class PlainFlow extends ParallelBatchFlow<Store> {
  override post(_shared: Store, _params: any, _actions: string[]) {}
}
void [
  new Plain(),
  new Plain({ onError: "throw" }),
  new Plain({ onError: "collect" }),
  new BatchNode({ onError: "collect" }),
  new AsyncParallelBatchNode<any, any, any>({ onError: "collect", concurrency: 2 }),
  new LooseBatch({ onError: "collect" }),
  new LooseFlow(trim, { onError: "collect" }),
  new PlainFlow(trim, { onError: "collect" }),
  new PlainFlow(trim),
];

// A context with params of one's own fits in every hook, of classes and of definitions.
interface File {
  file: string;
}
class ReadFile extends Node<Store, string, string> {
  override prep(_shared: Store, { params }: Context<File>) {
    return params.file;
  }
  override exec(file: string, { params }: Context<File>) {
    return file + params.file.trim();
  }
}
void ReadFile;
node({
  prep: (shared: Store, { params }: Context<File>) => shared.text + params.file.trim(),
  exec: (text, ctx: Context<File>) => text.length + ctx.params.file.length,
  execFallback: (text, _error, ctx: Context<File>) => text.length + ctx.params.file.length,
  post: (shared, _text, size, { params }: Context<File>) => void (shared.sizes = [size, params.file.length]),
});
node({
  exec: (_none: undefined, { params }: Context<{ readonly deep: { readonly n: number } }>) => params.deep.n,
});

// The store of a definition: annotated once, given as the type argument, or that of where it goes.
node<Store>({ prep: (shared) => void shared.text, requires: ["text"] }).next(trim);
const expected: Node<Store> = node({ prep: (shared) => void shared.text.trim() });
node({ post: (shared: any) => void (shared.anything = expected) }).next(trim);
// One that says nothing of its store goes with any, before and after others.
const wait = node({ requires: ["whatever"], exec: () => 1, prep: (shared) => JSON.stringify(shared) });
trim.next(wait).next(decide);
decide.branch({ yes: wait, no: null });
void new Flow(wait).run({ text: "", pages: [] });
