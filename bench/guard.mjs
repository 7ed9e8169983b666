// npm run bench:guard: the regression guard of .ci/run. sluice against the baseline alone, in the quick way. A ratio
// is allowed twice its goal, which no noise of a shared machine reaches; what is over that is measured
// again, and only what is over it twice fails.
import { measureCase } from "./lib/rounds.mjs";
import { buildSluice } from "./lib/setup.mjs";

const ROOM = 2;
const guarded = [
  "chain",
  "small",
  "fan-out",
  "barely-warm-fan-out",
  "flow-per-item",
  "idle-gate",
  "barely-warm-idle-gate",
  "overlap",
];

buildSluice();
const settings = { rounds: 1, budget: 120, peers: false, quick: true, log: () => {} };

/** The ratio of one case, or why there is none. */
async function ratioOf(workload, name, caseName) {
  const contestants = await measureCase(workload, name, caseName, settings);
  const failed = contestants.find((each) => each.failed !== undefined);
  if (failed !== undefined) throw new Error(`${name}, ${caseName}: ${failed.contestant}: ${failed.failed}`);
  return contestants.find(({ contestant }) => contestant === "sluice").ratio;
}

const slower = [];
for (const name of guarded) {
  const workload = await import(`./workloads/${name}.mjs`);
  for (const [caseName, { target }] of Object.entries(workload.cases)) {
    if (target === undefined) continue;
    const most = ROOM * target;
    const ratios = [await ratioOf(workload, name, caseName)];
    if (ratios[0] > most) ratios.push(await ratioOf(workload, name, caseName));
    const told = ratios.map((ratio) => ratio.toFixed(2)).join(", then ");
    console.log(`${name}, ${caseName}: ${told} (to reach: ${target}, fails over ${most.toFixed(2)} twice)`);
    if (ratios.length === 2 && ratios[1] > most) slower.push(`${name}, ${caseName}`);
  }
}
if (slower.length > 0) {
  console.error(`Slower than it may be: ${slower.join("; ")}`);
  process.exitCode = 1;
}
