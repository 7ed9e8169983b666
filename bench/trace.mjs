// What a trace costs: 10,000 items and 2,000 steps in a loop, without a trace, with one, with data, and with values.
// Prints a table; needs a build. The figures in docs/guide/tracing.md are from here.
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AsyncParallelBatchNode, Flow, node } from "sluice";
import { recordTrace } from "sluice/trace";

const ITEMS = 10_000;
const STEPS = 2_000;
const ROUNDS = 5;

class Summarise extends AsyncParallelBatchNode {
  prep() {
    return Array.from({ length: ITEMS }, (_, id) => ({ id, text: "some words of a page ".repeat(10) }));
  }
  async exec({ id, text }) {
    return { id, summary: text.slice(0, 80) };
  }
}
const items = () => [new Flow(new Summarise()), {}];
const steps = () => {
  const turn = node({
    name: "Turn",
    prep: ({ history }) => history.slice(-4),
    exec: async (recent) => `answer to ${recent.length} messages`,
    post: (shared, _recent, answer) => {
      shared.history.push(answer);
      return ++shared.turns < STEPS ? "again" : "done";
    },
  });
  turn.on("again", turn).end("done");
  return [new Flow(turn), { turns: 0, history: [] }];
};

const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
const path = join(folder, "run.jsonl");

async function measure(make, options) {
  const times = [];
  for (let round = 0; round < ROUNDS; round++) {
    const [flow, shared] = make();
    const trace = options && recordTrace(path, options);
    const began = performance.now();
    await flow.run(shared, trace && { events: trace.events });
    await trace?.close();
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[ROUNDS >> 1];
}

for (const [name, make, count] of [
  [`${ITEMS} items`, items, ITEMS],
  [`${STEPS} steps`, steps, STEPS],
]) {
  for (const [what, options] of [
    ["no trace", undefined],
    ["trace", {}],
    ["values", { values: true }],
    ["values, redact", { values: true, redact: (_path, value) => value }],
  ]) {
    const ms = await measure(make, options);
    const size = options === undefined ? "" : `${(statSync(path).size / 1e6).toFixed(1)} MB`;
    const each = `${((ms * 1_000) / count).toFixed(1)} us each`;
    process.stdout.write(
      `${name.padEnd(13)} ${what.padEnd(15)} ${ms.toFixed(0).padStart(6)} ms  ${each.padStart(14)}  ${size}\n`,
    );
  }
}
rmSync(folder, { recursive: true });
