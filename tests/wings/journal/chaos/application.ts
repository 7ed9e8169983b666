// A program with every class, and with what is unfriendly to a journal. Started by chaos.test.ts as a process of its
// own: application.mjs <database> <run id> <file of calls> <number of the start>.
import { appendFileSync } from "node:fs";
import {
  AsyncParallelBatchFlow,
  AsyncParallelBatchNode,
  BatchFlow,
  BatchNode,
  type Context,
  chain,
  Flow,
  node,
  parallel,
} from "sluice";
import { openJournal } from "sluice/journal";

// biome-ignore lint/suspicious/noExplicitAny: a store of many shapes
type Store = Record<string, any>;

const [database, runId, file, start] = process.argv.slice(2) as [string, string, string, string];
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
/** A call that costs money. */
const pay = (what: string) => appendFileSync(file, `${what}\n`);
const count = (store: Store, name: string) => {
  store.counts ??= {};
  store.counts[name] = (store.counts[name] ?? 0) + 1;
};
const isFirst = ({ key }: Context) => !/!2/.test(key);

/** Loops over a queue that its `prep` takes from. */
const take = node({
  name: "Take",
  prep: async (shared: Store) => {
    await sleep(1);
    return shared.queue.shift() as number;
  },
  exec: async (job, { key }) => {
    pay(key);
    await sleep(2);
    return { job };
  },
  post: async (shared, _job, result) => {
    shared.taken.push(result.job);
    await sleep(2);
    shared.alias.push(result.job); // the same list as shared.box.list
    return shared.queue.length > 0 ? "more" : "done";
  },
});

/** A flow that initialises the store, loops inside, and fails half-way in its first attempt. */
const step = node({
  name: "Step",
  prep: (shared: Store) => shared.session.n as number,
  exec: async (n, { key }) => {
    pay(key);
    await sleep(1);
    return n + 1;
  },
  post: (shared, _n, next) => {
    shared.session.n = next;
    count(shared, "step");
    return next % 4 === 0 ? "out" : "again";
  },
});
const breakOnce = node({
  name: "BreakOnce",
  prep: (_shared: Store, ctx) => isFirst(ctx),
  post: async (shared, first) => {
    count(shared, "half-way");
    await sleep(3);
    if (first) throw new Error("half-way");
    count(shared, "whole");
  },
});
step.on("again", step).on("out", breakOnce);
class Session extends Flow<Store> {
  override prep(shared: Store) {
    shared.session = { n: 0, log: [] };
    count(shared, "session");
    return shared.session;
  }
  override post(shared: Store, session: Store) {
    session.log.push("ended");
    shared.isSameSession = shared.session === session;
    return "ended";
  }
}

/** Items in another order at each start, and more of them. */
class Unkept extends AsyncParallelBatchNode<Store, { id: number }, number> {
  override *prep() {
    const ids = Array.from({ length: 24 }, (_each, id) => ((id + Number(start) * 7) % 24) + 1);
    for (const id of Number(start) > 0 ? [100 + Number(start), ...ids] : ids) yield { id };
  }
  override async exec({ id }: { id: number }) {
    if (id < 100) pay(`unkept ${id}`);
    await sleep(id % 5);
    return id * id;
  }
  override async onResult(shared: Store, square: number, { id }: { id: number }) {
    if (id >= 100) return;
    count(shared, `unkept ${id} ${square}`);
    await sleep(1);
    count(shared, `unkept end ${id}`);
  }
}

class OneByOne extends BatchNode<Store, number, number> {
  override prep(shared: Store) {
    return shared.numbers;
  }
  override async exec(n: number) {
    pay(`one ${n}`);
    await sleep(2);
    return n;
  }
  override onResult(shared: Store, n: number) {
    shared.sum = (shared.sum ?? 0) + n;
  }
}

/** Half of the results cannot be written, so they are paid again. */
class Wide extends AsyncParallelBatchNode<Store, number, { n: number; double: () => number }> {
  override prep() {
    return Array.from({ length: 150 }, (_each, n) => n);
  }
  override async exec(n: number, { attempt }: Context) {
    await sleep(n % 4);
    if (n % 10 === 3 && attempt === 0) throw new Error("busy");
    if (n % 2 === 0) pay(`wide ${n}`);
    return { n, ...(n % 2 === 0 ? {} : { double: () => 2 * n }) } as never;
  }
  override async post(shared: Store, _items: number[], results: { n: number }[]) {
    await sleep(2);
    shared.wide = results.map(({ n }) => n);
    return undefined;
  }
}

const fetchOne = node({
  name: "FetchOne",
  prep: (shared: Store) => shared.at as number,
  exec: async (at: number, { key }) => {
    pay(key);
    await sleep(at % 7);
    return at * 2;
  },
  post: async (shared, at, twice) => {
    count(shared, "fetched");
    await sleep(2 + (at % 19));
    shared.twice = twice;
  },
});
const keepOne = node({
  name: "KeepOne",
  prep: (_shared: Store, ctx) => isFirst(ctx),
  exec: (first: boolean, { index }) => {
    if (first && (index as number) % 8 === 0) throw new Error("once");
    return first;
  },
  post: async (shared) => {
    await sleep(2);
    count(shared, "kept");
    return "kept";
  },
});
class Forked extends AsyncParallelBatchFlow<Store, { at: number }> {
  override prep() {
    return Array.from({ length: 64 }, (_each, at) => ({ at }));
  }
  override fork(shared: Store, { at }: { at: number }) {
    return { at, box: shared.box };
  }
  override async join(shared: Store, { at }: { at: number }, local: Store) {
    count(shared, `join ${at}`);
    await sleep(1);
    shared.forks[at] = { counts: local.counts, twice: local.twice, shares: local.box === shared.box };
  }
  override post(shared: Store, _params: unknown, actions: unknown[]) {
    shared.actions = actions;
    return undefined;
  }
}

const visit = node({
  name: "Visit",
  prep: (_shared: Store, { params }: Context) => params.word as string,
  exec: async (word: string, { key }) => {
    pay(key);
    return word.toUpperCase();
  },
  post: async (shared, word, upper) => {
    await sleep(3);
    count(shared, `${word} ${upper}`);
  },
});
class Words extends BatchFlow<Store, { word: string }> {
  override *prep() {
    for (const word of ["a", "b", "c", "d"]) yield { word };
  }
}

const branch = node({
  name: "Branch",
  exec: async (_none: unknown, { key }) => {
    pay(key);
    await sleep(4);
    return key;
  },
  post: async (shared: Store, _none, key) => {
    await sleep(3);
    count(shared, key);
  },
});
const inner = (name: string) =>
  node({
    name,
    exec: async (_none: unknown, { key }) => pay(key),
    post: async (shared: Store) => {
      await sleep(2);
      count(shared, name);
    },
  });

function createFlow(): Flow<Store> {
  const session = new Session(step, { name: "Session", attempts: 2 });
  take.on("more", take).on("done", session);
  const both = parallel(
    [branch, branch, branch, new Flow(chain(inner("X1"), inner("X2")), { name: "Side" })],
    {
      name: "Both",
      post: (shared: Store, _none, outcomes) => {
        shared.outcomes = outcomes;
        return undefined;
      },
    },
  );
  const rest = chain(
    new Unkept({ name: "Unkept", concurrency: 6 }),
    new OneByOne({ name: "OneByOne" }),
    new Wide({ name: "Wide", concurrency: 32, attempts: 2 }),
    new Forked(chain(fetchOne, keepOne), { name: "Forked", concurrency: 64, attempts: 2 }),
    new Words(visit, { name: "Words" }),
    both as never,
  );
  session.on("ended" as never, rest as never);
  return new Flow(take, { name: "Main" });
}

const list: number[] = [];
const shared: Store = {
  queue: [1, 2, 3, 4, 5, 6],
  numbers: [1, 2, 3, 4, 5, 6, 7, 8],
  taken: [],
  box: { list },
  alias: list,
  forks: {},
};
process.on("warning", () => {});
const journal = await openJournal(database);
process.send?.("open");
await createFlow().run(shared, { journal, runId });
await journal.close();
process.send?.({ shared, isAlias: shared.box.list === shared.alias });
