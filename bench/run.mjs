// npm run bench [-- --quick] [--only chain,fan-out] [--rounds 5] [--no-peers]: measures every workload, prints the
// figures and, unless it was quick, writes RESULTS.md and chart.svg. --only replaces workloads of the last full run in
// them, and --redraw writes both once more.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { chart } from "./lib/chart.mjs";
import { report, tableOf } from "./lib/report.mjs";
import { emptyProcess, measureCase } from "./lib/rounds.mjs";
import { buildSluice, installPeers, machine, versions } from "./lib/setup.mjs";

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    rounds: { type: "string" },
    peers: { type: "boolean", default: true },
    redraw: { type: "boolean", default: false },
  },
  allowNegative: true,
});
const names = [
  "chain",
  "small",
  "fan-out",
  "barely-warm-fan-out",
  "flow-per-item",
  "drop-in",
  "idle-gate",
  "barely-warm-idle-gate",
  "binding-gate",
  "adaptive-gate",
  "overlap",
  "abort",
  "import-size",
  "growth",
  "durable-sqlite",
  "durable-postgres",
  "large-store",
  "fleet",
  "shared-gate",
];
const only = options.only?.split(",");
const unknown = only?.filter((name) => !names.includes(name)) ?? [];
if (unknown.length > 0)
  throw new Error(`--only: no workload ${unknown.join(", ")}; there are ${names.join(", ")}`);

const cache = new URL("node_modules/.cache/results.json", import.meta.url);
if (options.redraw) {
  write(JSON.parse(readFileSync(cache, "utf8")));
  process.exit();
}

installPeers();
buildSluice();
const { quick, peers } = options;
const settings = {
  quick,
  peers,
  budget: quick ? 80 : 300,
  rounds: Number(options.rounds ?? (quick ? 1 : 3)),
};
const start = performance.now();
const log = (line) => console.error(line);
const empty = await emptyProcess();
const results = [];
for (const name of only ?? names) {
  const workload = await import(`./workloads/${name}.mjs`);
  const cases = [];
  for (const [caseName, chosen] of Object.entries(workload.cases)) {
    if (quick && chosen.notQuick) continue;
    log(`${name}: ${caseName} (after ${Math.round((performance.now() - start) / 1000)} s)`);
    const contestants = await measureCase(workload, name, caseName, { ...settings, log });
    cases.push({ name: caseName, ...chosen, contestants });
    console.log(tableOf(workload, cases.at(-1), empty));
  }
  results.push({ name, workload, cases });
}
const minutes = (performance.now() - start) / 60_000;
console.log(`${machine()}\n${versions().join(", ")}\n${minutes.toFixed(1)} minutes`);

if (!quick && peers) {
  const args = process.argv.slice(2);
  const command = ["npm run bench", ...(args.length > 0 ? ["--", ...args] : [])].join(" ");
  const facts = { minutes, empty, machine: machine(), versions: versions(), rounds: settings.rounds };
  const figures = { ...facts, commands: [command], results };
  if (only !== undefined && existsSync(cache)) {
    const last = JSON.parse(readFileSync(cache, "utf8"));
    figures.results = last.results.map((old) => results.find(({ name }) => name === old.name) ?? old);
    figures.commands = [...new Set([...last.commands, command])];
    figures.minutes += last.minutes;
  }
  mkdirSync(new URL(".", cache), { recursive: true });
  writeFileSync(
    cache,
    JSON.stringify(figures, (key, value) => (key === "hooks" ? undefined : value)),
  );
  if (only === undefined || figures.commands.length > 1) write(figures);
}

function write({ results, ...facts }) {
  writeFileSync(new URL("RESULTS.md", import.meta.url), report(results, facts));
  writeFileSync(new URL("chart.svg", import.meta.url), chart(results));
}
