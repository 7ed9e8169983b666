// The program that every consumer runs: a gated flow with a loop, an item that fails once, and a failure.
const assert = require("node:assert/strict");

/** `lib` makes the flow; `parts` makes its nodes and its gate: another build of sluice, or the same. */
module.exports = async function program(lib, parts = lib) {
  // Bundling renames classes; a node is called after its class all the same.
  for (const name of ["Node", "BatchNode", "AsyncParallelBatchNode"])
    assert.equal(new lib[name]().name, name);
  for (const name of ["Flow", "BatchFlow", "AsyncParallelBatchFlow"]) {
    assert.equal(new lib[name](new lib.Node()).name, name);
  }

  const gate = new parts.Gate({ concurrency: 2, rate: { requests: 400, per: 1_000 } });
  let running = 0;
  let peak = 0;

  class Load extends parts.Node {
    prep(shared) {
      shared.rounds = (shared.rounds ?? 0) + 1;
    }
    exec() {
      return ["a", "b", "c", "d", "e"];
    }
    post(shared, _prepared, items) {
      shared.items = items;
      return "loaded";
    }
  }
  class Upper extends parts.AsyncParallelBatchNode {
    prep(shared) {
      return shared.items;
    }
    async exec(item, { attempt }) {
      peak = Math.max(peak, ++running);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running--;
      if (item === "c" && attempt === 0) throw new Error("once");
      if (item === "e") throw new Error("always");
      return item.toUpperCase();
    }
    post(shared, _items, results) {
      shared.results = results;
      return shared.rounds < 2 ? "again" : "done";
    }
  }

  const load = new Load();
  const upper = new Upper({ gate, attempts: 2, onError: "collect", concurrency: 4 });
  load.on("loaded", upper);
  upper.on("again", load).end("done");

  const shared = {};
  assert.equal(await new lib.Flow(load).run(shared), "done");
  assert.equal(shared.rounds, 2);
  assert.deepEqual(shared.results.slice(0, 4), ["A", "B", "C", "D"]);
  assert.ok(lib.isFailure(shared.results[4]), "the flow's build knows a failure of the nodes' build");
  assert.equal(shared.results[4].attempts, 2);
  assert.ok(peak <= 2, `the gate holds 2, saw ${peak}`);
  assert.equal(gate.stats().running, 0);

  const bad = parts.node({ name: "Bad", exec: () => JSON.parse("{") });
  const error = await new lib.Flow(bad, { name: "Main" }).run({}).catch((reason) => reason);
  assert.ok(error instanceof SyntaxError);
  assert.deepEqual(lib.locate(error)?.path, ["Main", "Bad"]);

  const inner = new parts.Flow(parts.node({ name: "Inner", post: () => "out" }));
  const last = lib.node({ name: "Last", post: () => "end" });
  assert.equal(await new lib.Flow(inner.on("out", last)).run({}), "end");

  assert.throws(() => new lib.Gate({ concurency: 1 }), { code: "UNKNOWN_OPTION" });
};
