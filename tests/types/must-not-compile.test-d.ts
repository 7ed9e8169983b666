// What must not compile: each line under @ts-expect-error is a mistake that a user makes.
// compile.test.ts runs this file through three compilers, with those comments and without.
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  BatchFlow,
  BatchNode,
  type BatchNodeOptions,
  type Context,
  Flow,
  Gate,
  isFailure,
  Node,
  node,
  parallel,
} from "sluice";

interface Store {
  text: string;
  words?: number;
}

class Decide extends Node<Store, string, number> {
  override prep(store: Store) {
    return store.text;
  }
  override exec(text: string) {
    return text.length;
  }
  override post(store: Store, _text: string, words: number) {
    store.words = words;
    return words > 3 ? "long" : "short";
  }
}
class Report extends Node<Store> {
  override post(store: Store) {
    store.text = String(store.words);
  }
}
const decide = new Decide();
const report = new Report();

// A misspelt action.
// @ts-expect-error
decide.on("lnog", report);
// @ts-expect-error
decide.end("lnog");
// @ts-expect-error
report.on("long", decide);

// A branch that leaves out an action, or adds one.
// @ts-expect-error
decide.branch({ long: report });
// @ts-expect-error
decide.branch({ long: report, short: null, medium: report });
// @ts-expect-error
decide.branch({ long: report, short: Report });

// A node on the wrong store, in whichever way it is linked.
interface OtherStore {
  page: number;
}
class Turn extends Node<OtherStore> {
  override prep(store: OtherStore) {
    return store.page;
  }
}
const turn = new Turn();
// @ts-expect-error
decide.on("long", turn);
// @ts-expect-error
report.next(turn);
// @ts-expect-error
decide.branch({ long: report, short: turn });
// @ts-expect-error
decide.on("long", new Flow<OtherStore>(turn));
// @ts-expect-error
parallel<Store>([report, turn]);
// @ts-expect-error
new Flow<Store>(turn);
// @ts-expect-error
void new Flow(decide).run({ page: 1 });
// @ts-expect-error
void decide.run({});

// A hook that does not take what the hook before it gives.
class WrongExec extends Node<Store, string, number> {
  // @ts-expect-error
  override exec(text: number) {
    return text;
  }
}
class WrongPrep extends Node<Store, string, number> {
  // @ts-expect-error
  override prep(store: Store) {
    return store.words;
  }
}
class WrongPost extends Node<Store, string, number> {
  // @ts-expect-error
  override post(store: Store, _text: string, words: string) {
    store.text = words;
  }
}
class NumberAction extends Node<Store> {
  // @ts-expect-error
  override post(_store: Store) {
    return 1;
  }
}
class WrongItem extends BatchNode<Store, string, number> {
  override prep(store: Store) {
    return store.text.split(" ");
  }
  // @ts-expect-error
  override exec(item: Date) {
    return item.getTime();
  }
}
class NotItems extends BatchNode<Store, string, number> {
  // @ts-expect-error
  override prep(_store: Store) {
    return 5;
  }
}
class WrongResults extends BatchNode<Store, string, number> {
  // @ts-expect-error
  override post(store: Store, _items: Iterable<string>, lengths: Date[]) {
    store.words = lengths.length;
  }
}
class WrongParams extends AsyncParallelBatchFlow<Store, { page: number }> {
  // @ts-expect-error
  override prep(_store: Store) {
    return [{ page: "one" }];
  }
}
void [WrongExec, WrongPrep, WrongPost, NumberAction, WrongItem, NotItems, WrongResults, WrongParams];

// (The compiler holds against a hook's result what the next one was annotated to take.)
node({
  // @ts-expect-error
  prep: (store: Store) => store.text,
  exec: (text: Date) => text.getTime(),
});
node({
  prep: (store: Store) => store.text,
  // @ts-expect-error
  exec: (text) => text.length,
  post: (_store, _text, words: string) => words,
});
const made = node({
  prep: (store: Store) => store.text,
  post: (_store, text) => (text === "" ? ("empty" as const) : ("full" as const)),
});
// @ts-expect-error
made.on("fulll", report);
// @ts-expect-error
made.branch({ full: report });

// Options that do not exist, that another class has, or that have another type.
// @ts-expect-error
new Decide({ attemps: 3 });
// @ts-expect-error
new Decide({ concurrency: 3 });
// @ts-expect-error
new BatchNode({ concurrency: 3 });
// @ts-expect-error
new Decide({ attempts: "3" });
// @ts-expect-error
new Decide({ requires: ["txet"] });
// @ts-expect-error
new Gate({ rate: { requests: 5 } });

// The context cannot be written to, and a result cannot be taken for another type.
class Meddle extends Node<Store> {
  override prep(_store: Store, ctx: Context) {
    // @ts-expect-error
    ctx.attempt = 2;
    // @ts-expect-error
    ctx.params = {};
  }
}
void Meddle;

// Results of a batch that collects, taken as if no item could fail.
class Sum extends AsyncParallelBatchNode<Store, string, number, "collect"> {
  // @ts-expect-error
  override post(store: Store, _texts: unknown, lengths: number[]) {
    store.words = lengths.reduce((sum, length) => sum + length, 0);
  }
}
class SumAsItGoes extends BatchNode<Store, string, number, "collect"> {
  // @ts-expect-error
  override onResult(store: Store, length: number) {
    store.words = (store.words ?? 0) + length;
  }
}
class Objects extends BatchNode<Store, string, { length: number }, "collect"> {
  // @ts-expect-error
  override post(store: Store, _texts: unknown, results: readonly { length: number }[]) {
    store.words = results.length;
  }
  // @ts-expect-error
  override async onResult(store: Store, result: { length: number }) {
    store.words = result.length;
  }
}
class Nothing extends BatchNode<Store, string, undefined, "collect"> {
  // @ts-expect-error
  override post(store: Store, _texts: unknown, results: undefined[]) {
    store.words = results.length;
  }
}
class Arrow extends BatchNode<Store, string, number, "collect"> {
  // @ts-expect-error
  override onResult = (store: Store, length: number) => {
    store.words = length;
  };
}
class Walks extends AsyncParallelBatchFlow<Store, { page: number }, "collect"> {
  // @ts-expect-error
  override post(store: Store, _params: unknown, actions: string[]) {
    store.text = actions.join();
  }
  // @ts-expect-error
  override onResult(store: Store, action: string | undefined) {
    store.text = action ?? "";
  }
}
class WalksInTurn extends BatchFlow<Store, { page: number }, "collect"> {
  // @ts-expect-error
  override post(store: Store, _params: unknown, actions: (string | undefined | null)[]) {
    store.text = actions.join();
  }
}
class Either extends BatchNode<Store, string, number, "throw" | "collect"> {
  // @ts-expect-error
  override post(store: Store, _texts: unknown, lengths: number[]) {
    store.words = lengths.length;
  }
}
void [Sum, SumAsItGoes, Objects, Nothing, Arrow, Walks, WalksInTurn, Either];

// The option without the type argument, and the other way about.
class Lengths extends AsyncParallelBatchNode<Store, string, number> {
  override onResult(_store: Store, length: number) {
    // @ts-expect-error
    if (isFailure(length)) length.attempts;
  }
}
class Collects extends AsyncParallelBatchNode<Store, string, number, "collect"> {}
class Pages extends BatchFlow<Store, { page: number }> {}
class CollectsPages extends BatchFlow<Store, { page: number }, "collect"> {}
// @ts-expect-error
new Lengths({ onError: "collect" });
// @ts-expect-error
new Pages(report, { onError: "collect" });
// @ts-expect-error
new Collects();
// @ts-expect-error
new Collects({});
// @ts-expect-error
new Collects({ onError: "throw" });
// @ts-expect-error
new Collects({ onError: undefined });
// @ts-expect-error
new CollectsPages(report);
// @ts-expect-error
new CollectsPages(report, { onError: "throw" });
// @ts-expect-error
new BatchNode<Store, string, number>({ onError: "collect" });
class HandsOn extends BatchNode<Store, string, number, "collect"> {
  constructor(options: BatchNodeOptions<Store, "collect">) {
    // @ts-expect-error
    super(options);
  }
}
void HandsOn;
// @ts-expect-error
class Ignores extends BatchNode<Store, string, number, "ignore"> {}
void Ignores;

// A definition that says nothing of its store.
node({
  // @ts-expect-error
  prep: (store) => store.text,
});
node({
  exec: () => 1,
  post: (store, _none, one) => {
    // @ts-expect-error
    store.words = one;
  },
});
node({
  // @ts-expect-error
  exec: (none) => none.length,
});
node<Store>({
  // @ts-expect-error
  requires: ["txet"],
});

// Params that the context does not have.
node({
  // @ts-expect-error
  exec: (_none: undefined, { params }: Context<{ file: string }>) => params.flie,
});
