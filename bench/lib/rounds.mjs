// Measures a workload: round after round, and in each every contestant in turn, in a process of its own.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { median } from "./timing.mjs";

const run = promisify(execFile);
const script = fileURLToPath(new URL("../measure.mjs", import.meta.url));

/** A contestant whose measurement takes longer than this, in ms, is measured in the least number of rounds only. */
const SLOW = 9_000;
/** None may take longer than this. */
const TOO_SLOW = 120_000;

/** Peak memory in MB of a process that does nothing. */
export async function emptyProcess() {
  const print = "console.log(process.resourceUsage().maxRSS / 1024)";
  const peaks = [];
  for (let at = 0; at < 5; at++) {
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", print]);
    peaks.push(Number(stdout));
  }
  return median(peaks);
}

async function measureOnce(request) {
  const start = performance.now();
  try {
    const { stdout } = await run(process.execPath, ["--expose-gc", script, JSON.stringify(request)], {
      timeout: TOO_SLOW,
      maxBuffer: 2 ** 26,
    });
    const figures = JSON.parse(stdout.trim().split("\n").at(-1));
    return { figures, took: performance.now() - start };
  } catch (error) {
    const [reason] = /^\w*Error.*$/m.exec(error.stderr ?? "") ?? [
      error.killed ? "took too long" : error.message,
    ];
    return { failed: reason.slice(0, 200), took: performance.now() - start };
  }
}

/**
 * Measures one case of a workload.
 *
 * @returns For each contestant what its rounds gave, and the ratios to the baseline of the same round.
 */
export async function measureCase(workload, name, caseName, { rounds, budget, peers, quick, log }) {
  const chosen = workload.cases[caseName];
  const wanted = Object.keys(workload.peers).filter((peer) => peers && !(quick && workload.peers[peer].slow));
  const own = workload.soloist ? ["sluice"] : ["baseline", "sluice"];
  const contestants = [...own, ...(quick && chosen.slow ? [] : wanted)];
  const results = new Map(contestants.map((contestant) => [contestant, { rounds: [], ratios: [] }]));
  const { minRounds = 1, maxRounds = rounds } = workload;
  for (let round = 0; round < Math.max(minRounds, Math.min(rounds, maxRounds)); round++) {
    const turn = contestants.map((_, at) => contestants[(at + round) % contestants.length]);
    const fit = turn.filter((contestant) => !results.get(contestant).out);
    const figures = new Map();
    const width = workload.together ?? 1;
    for (let at = 0; at < fit.length; at += width) {
      await Promise.all(
        fit.slice(at, at + width).map(async (contestant) => {
          const request = { workload: name, case: caseName, contestant, budget };
          const outcome = await measureOnce(request);
          const result = results.get(contestant);
          if (outcome.failed !== undefined) result.failed = outcome.failed;
          else figures.set(contestant, outcome.figures);
          const isSlow = outcome.took > SLOW && round + 1 >= minRounds;
          if (outcome.failed !== undefined || isSlow) result.out = true;
        }),
      );
    }
    for (const [contestant, figure] of figures) {
      const result = results.get(contestant);
      result.rounds.push(figure);
      const base = figures.get("baseline")?.ms;
      if (workload.clock === "ideal") result.ratios.push(figure.ms / figure.ideal);
      else if (base > 0) result.ratios.push(figure.ms / base);
    }
    log(`  round ${round + 1}: ${[...figures].map(([who, { ms }]) => brief(who, ms)).join(", ")}`);
  }
  return [...results].map(([contestant, result]) => ({ contestant, ...summary(result) }));
}

const brief = (who, ms) => (ms === undefined ? who : `${who} ${ms.toFixed(ms < 10 ? 2 : 0)}`);

function summary({ rounds, ratios, failed }) {
  if (rounds.length === 0) return { failed };
  const middle = (key) => {
    const values = rounds.map((figures) => figures[key]).filter((value) => value !== undefined);
    return values.length === 0 ? undefined : median(values);
  };
  return {
    count: rounds.length,
    ratio: ratios.length === 0 ? undefined : median(ratios),
    ratios,
    ms: middle("ms"),
    memory: middle("maxRss"),
    refused: middle("refused"),
    late: middle("late"),
    kilobytes: middle("kilobytes"),
    costs: rounds.at(-1).costs,
  };
}
