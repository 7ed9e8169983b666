// sluice from its built dist/, as users get it.
import { AsyncParallelBatchFlow, AsyncParallelBatchNode, Flow, Gate, Node, parallel } from "sluice";
import { range, withHooks } from "../hooks.mjs";

export function chain(hookSets) {
  const nodes = hookSets.map((hooks) => new (withHooks(Node, hooks))());
  nodes.forEach((node, at) => {
    node.on("again", nodes[(at + 1) % nodes.length]).end("done");
  });
  const flow = new Flow(nodes[0]);
  return (shared) => flow.run(shared);
}

const build = (classes) => {
  const nodes = classes.map((Class) => new Class());
  for (let at = 1; at < nodes.length; at++) nodes[at - 1].on("again", nodes[at]);
  return new Flow(nodes[0]);
};

export const small = (hookSets) => {
  const classes = hookSets.map((hooks) => withHooks(Node, hooks));
  return (shared) => build(classes).run(shared);
};

export const atOnce = (hookSets) => {
  const flow = build(hookSets.map((hooks) => withHooks(Node, hooks)));
  return (shared) => flow.run(shared);
};

const items = ({ count }) => range(count);
const itemsLater = async ({ count }) => range(count);
const classes = new Map();

/** A class for each exec, made once, as a program has it: its items are the numbers below `shared.count`. */
const batchOf = (exec, prep = items) => {
  let Batch = classes.get(exec);
  if (Batch === undefined) {
    Batch = class extends AsyncParallelBatchNode {
      post(shared, _items, results) {
        shared.results = results;
      }
    };
    Object.assign(Batch.prototype, { prep, exec });
    classes.set(exec, Batch);
  }
  return Batch;
};

const fanOutOver = (prep) => async (exec, count, concurrency) => {
  const shared = { count };
  await new (batchOf(exec, prep))({ concurrency }).run(shared);
  return shared.results;
};
export const fanOut = fanOutOver(items);
export const fanOutAsyncPrep = fanOutOver(itemsLater);

export function flowPerItem(hookSets) {
  const nodes = hookSets.map((hooks) => new (withHooks(Node, hooks))());
  for (let at = 1; at < nodes.length; at++) nodes[at - 1].next(nodes[at]);
  class PerItem extends AsyncParallelBatchFlow {
    *prep({ count }) {
      for (const n of range(count)) yield { n };
    }
  }
  return async (shared, count, concurrency) => {
    shared.count = count;
    await new PerItem(nodes[0], { concurrency }).run(shared);
  };
}

export async function idleGate(execs, count, concurrency) {
  const gate = new Gate({
    concurrency: concurrency * execs.length,
    rate: { requests: 1e9, per: 1_000 },
  });
  const stores = execs.map(() => ({}));
  const branches = execs.map((exec, at) => {
    const branch = new (batchOf(exec))({ concurrency, gate });
    branch.post = (_shared, _items, results) => {
      stores[at].results = results;
    };
    return branch;
  });
  await parallel(branches).run({ count });
  return stores.map(({ results }) => results);
}

/** The gate is told the vendor's own limits; it takes care of a 429 itself. */
export async function bindingGate({ requests, tokens, burst }, jobs, concurrency, call) {
  const gate = new Gate({ concurrency, rate: { requests, tokens, per: 1_000, burst } });
  class Calls extends AsyncParallelBatchNode {
    prep() {
      return jobs;
    }
    exec(job) {
      return call(job);
    }
  }
  if (tokens !== undefined) Calls.prototype.cost = (job) => job.tokens;
  await new Calls({ concurrency, gate }).run({});
}
bindingGate.knows429 = true;

/** So many callers, each with one call after the other, at a gate. */
const callAt = (concurrency) => async (vendor, callers) => {
  const gate = new Gate({ concurrency });
  const caller = async () => {
    while (vendor.isOpen) await gate.run(vendor.call).catch(() => {});
  };
  await Promise.all(Array.from({ length: callers }, caller));
};
export const movingLimit = callAt({ start: 8, min: 1, max: 256 });
export const movingLimitOf8 = callAt(8);
export const movingLimitOf64 = callAt(64);

export async function abort(exec, count, concurrency, signal) {
  class Calls extends AsyncParallelBatchNode {
    prep() {
      return range(count);
    }
    exec(item, ctx) {
      return exec(item, ctx.signal);
    }
  }
  await new Flow(new Calls({ concurrency })).run({}, { signal });
}
