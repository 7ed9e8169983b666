// 10. growth: what a step or an item costs as everything else grows. Flat is good. sluice alone.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import EventEmitter from "eventemitter3";
import { asyncHooks, range, syncHooks, withHooks } from "../hooks.mjs";
import { cpuTimeOfRuns, expectEqual } from "../lib/timing.mjs";

export const title = "Growth: sluice's cost as the work grows";
export const unit = "step";
export const maxRounds = 1;
export const clock = "table";
export const standalone = true;
export const soloist = true;
export const cases = {
  "steps of a chain": { sizes: [1e3, 1e4, 1e5, 1e6], row: steps },
  "items of a fan-out": { sizes: [1e3, 1e4, 1e5, 1e6], row: items },
  "nodes of a graph, 100,000 steps": { notQuick: true, sizes: [10, 100, 1e3, 1e4], row: graph },
  "runs at once, of 5 steps": { sizes: [1, 10, 100, 1e3, 1e4], row: runs },
  "subscribers, 10,000 data events": { notQuick: true, sizes: [0, 1, 10, 100], row: subscribers },
  "steps of a chain without subscribers: as it is, and built without events": {
    notQuick: true,
    sizes: ["as it is", "without events"],
    row: eventless,
  },
  "steps of a chain, by who watches": {
    notQuick: true,
    sizes: ["nobody", "an emitter that nobody listens to", "a listener of steps", "an around hook"],
    row: watched,
  },
};
export const peers = {};

/** Nanoseconds for each of `count` pieces of work. */
const each = async (count, once, budget) => ((await cpuTimeOfRuns(once, budget)) / count) * 1e6;

const chainOf = ({ Flow, Node }, hooks, size = 1) => {
  const nodes = Array.from({ length: size }, (_, at) => new (withHooks(Node, hooks[at % hooks.length]))());
  nodes.forEach((node, at) => {
    node.on("again", nodes[(at + 1) % size]).end("done");
  });
  return new Flow(nodes[0]);
};

const walk = async (flow, until, options) => {
  const shared = { n: 0, until };
  await flow.run(shared, options);
  expectEqual(shared.n, until, "steps");
};

async function steps(sluice, count, budget) {
  const flow = chainOf(sluice, syncHooks);
  const repeat = Math.max(1, 1e4 / count);
  const once = async () => {
    for (let run = 0; run < repeat; run++) await walk(flow, count);
  };
  return each(count * repeat, once, budget);
}

async function items({ AsyncParallelBatchNode }, count, budget) {
  class Batch extends AsyncParallelBatchNode {
    prep() {
      return range(count);
    }
    async exec(n) {
      return n + 1;
    }
    post(_shared, _items, results) {
      expectEqual(results.length, count, "results");
    }
  }
  const node = new Batch({ concurrency: 64 });
  const repeat = Math.max(1, 1e4 / count);
  const once = async () => {
    for (let run = 0; run < repeat; run++) await node.run({});
  };
  return each(count * repeat, once, budget);
}

/** Two classes of nodes for all sizes: a graph of 10,000 nodes does not have 10,000 classes. */
let graphClasses;

async function graph(sluice, size, budget) {
  const { Flow, Node } = sluice;
  graphClasses ??= syncHooks.slice(0, 2).map((hooks) => withHooks(Node, hooks));
  const classes = graphClasses;
  const nodes = Array.from({ length: size }, (_, at) => new classes[at % 2]());
  nodes.forEach((node, at) => {
    node.on("again", nodes[(at + 1) % size]).end("done");
  });
  const flow = new Flow(nodes[0]);
  return each(1e5, () => walk(flow, 1e5), budget);
}

async function runs(sluice, count, budget) {
  const flow = chainOf(sluice, asyncHooks);
  const repeat = 1e4 / count;
  const once = async () => {
    for (let run = 0; run < repeat; run++) {
      await Promise.all(Array.from({ length: count }, () => walk(flow, 5)));
    }
  };
  return each(5 * count * repeat, once, budget);
}

async function subscribers({ Flow, Node }, count, budget) {
  class Talks extends Node {
    exec(_nothing, ctx) {
      ctx.emit("word");
    }
    post(shared) {
      shared.n++;
      return shared.n < shared.until ? "again" : "done";
    }
  }
  const node = new Talks();
  const flow = new Flow(node.on("again", node).end("done"));
  const events = new EventEmitter();
  let heard = 0;
  for (let at = 0; at < count; at++) events.on("data", () => heard++);
  const cost = await each(1e4, () => walk(flow, 1e4, { events }), budget);
  if (count > 0) expectEqual(heard % (1e4 * count), 0, "events heard");
  return cost;
}

/** What watching costs, and that an emitter which nobody listens to costs nothing. */
async function watched(sluice, who, budget) {
  const events = new EventEmitter();
  if (who === "a listener of steps") events.on("step", () => {});
  const options = {
    nobody: undefined,
    "an around hook": { around: (_span, next) => next() },
  };
  const flow = chainOf(sluice, asyncHooks);
  return each(1e4, () => walk(flow, 1e4, who in options ? options[who] : { events }), budget);
}

/** The source with stubs in place of what tells and wraps, and the same bundle without the stubs. */
async function eventless(_sluice, variant, budget) {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const outfile = `${root}bench/node_modules/.cache/sluice-${variant.replaceAll(" ", "-")}.mjs`;
  const stub = {
    name: "no-events",
    setup({ onLoad }) {
      onLoad({ filter: /src\/(events|watch\/(around|items|stream|watch))\.ts$/ }, async ({ path }) => {
        const { readFile } = await import("node:fs/promises");
        const source = await readFile(path, "utf8");
        const names = [...source.matchAll(/^export (?:async )?(?:function|const) (\w+)/gm)].map(
          ([, name]) => name,
        );
        const classes = [...source.matchAll(/^export class (\w+)/gm)].map(([, name]) => name);
        const stubs = [
          ...names.map((name) => `export const ${name} = () => {};`),
          ...classes.map((name) => `export class ${name} { static over() {} }`),
        ];
        return { contents: stubs.join("\n"), loader: "ts" };
      });
    },
  };
  await build({
    entryPoints: [`${root}src/index.ts`],
    outfile,
    bundle: true,
    format: "esm",
    target: "node20",
    external: ["bottleneck", "eventemitter3"],
    plugins: variant === "without events" ? [stub] : [],
    logLevel: "error",
  });
  const built = await import(outfile);
  const flow = chainOf(built, asyncHooks);
  return each(1e5, () => walk(flow, 1e5), budget);
}

export async function measure(_adapter, { sizes, row, budget }) {
  const sluice = await import("sluice");
  const costs = {};
  for (const size of sizes) costs[size] = await row(sluice, size, budget);
  return { costs };
}
