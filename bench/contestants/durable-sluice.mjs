// sluice with its journal.
import { AsyncParallelBatchNode, Flow, Node } from "sluice";
import { openJournal } from "sluice/journal";
import { work } from "../lib/durable.mjs";

class Step extends Node {
  prep({ n }) {
    return n;
  }
  exec(n) {
    return work(n);
  }
  post(shared, _n, { n, text }) {
    shared.n = n;
    shared.text = text;
    return n < shared.until ? "again" : "done";
  }
}

class Batch extends AsyncParallelBatchNode {
  prep({ count }) {
    return Array.from({ length: count }, (_, n) => n);
  }
  exec(n) {
    return work(n);
  }
  post(shared, _items, results) {
    shared.done = results.length;
  }
}

export async function durableChain(url) {
  const journal = await openJournal(url);
  const step = new Step();
  step.on("again", step).end("done");
  const flow = new Flow(step, { name: "Chain" });
  const run = async (runId, until) => {
    const shared = { n: 0, until };
    await flow.run(shared, { journal, runId });
    return shared.n;
  };
  return { run, close: () => journal.close() };
}

export async function durableBatch(url) {
  const journal = await openJournal(url);
  const flow = new Flow(new Batch({ concurrency: 64 }), { name: "Batch" });
  const run = async (runId, count) => {
    const shared = { count };
    await flow.run(shared, { journal, runId });
    return shared.done;
  };
  return { run, close: () => journal.close() };
}
