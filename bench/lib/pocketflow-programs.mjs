// The programs of the contestant pocketflow, for the package and for what takes its place.
import { range, withHooks } from "../hooks.mjs";

export function programsOf({ Flow, Node, ParallelBatchFlow, ParallelBatchNode }) {
  function chain(hookSets) {
    const nodes = hookSets.map((hooks) => new (withHooks(Node, hooks))());
    nodes.forEach((node, at) => {
      node.on("again", nodes[(at + 1) % nodes.length]);
    });
    const flow = new Flow(nodes[0]);
    return (shared) => flow.run(shared);
  }

  const build = (classes) => {
    const nodes = classes.map((Class) => new Class());
    for (let at = 1; at < nodes.length; at++) nodes[at - 1].on("again", nodes[at]);
    return new Flow(nodes[0]);
  };

  const small = (hookSets) => {
    const classes = hookSets.map((hooks) => withHooks(Node, hooks));
    return (shared) => build(classes).run(shared);
  };

  const atOnce = (hookSets) => {
    const flow = build(hookSets.map((hooks) => withHooks(Node, hooks)));
    return (shared) => flow.run(shared);
  };

  const classes = new Map();

  /** A class for each exec, made once, as a program has it. */
  const batchOf = (exec) => {
    let Batch = classes.get(exec);
    if (Batch === undefined) {
      Batch = class extends ParallelBatchNode {
        prep({ count }) {
          return [...range(count)];
        }
        post(shared, _items, results) {
          shared.results = results;
        }
      };
      Batch.prototype.exec = exec;
      classes.set(exec, Batch);
    }
    return Batch;
  };

  async function fanOut(exec, count) {
    const shared = { count };
    await new (batchOf(exec))().run(shared);
    return shared.results;
  }

  /** Its hooks find the params on the node. */
  const withParams = (hooks) => {
    class Defined extends Node {
      prep(shared) {
        return hooks.prep(shared, { params: this._params });
      }
    }
    Defined.prototype.exec = hooks.exec;
    Defined.prototype.post = hooks.post;
    return new Defined();
  };

  function flowPerItem(hookSets) {
    const nodes = hookSets.map(withParams);
    for (let at = 1; at < nodes.length; at++) nodes[at - 1].next(nodes[at]);
    class PerItem extends ParallelBatchFlow {
      prep({ count }) {
        return Array.from({ length: count }, (_, n) => ({ n }));
      }
    }
    return async (shared, count) => {
      shared.count = count;
      await new PerItem(nodes[0]).run(shared);
    };
  }

  /** The calls go out at once and each waits: it has no limit at all. */
  async function overlap(call, count) {
    return fanOut(call, count);
  }

  return { chain, small, atOnce, fanOut, flowPerItem, overlap };
}
