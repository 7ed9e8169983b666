// RESULTS.md, and the same tables for the terminal.

const number = (value, digits = 2) =>
  value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(digits);

/** What one piece of a workload's work costs, in the unit that fits. */
function cost(ms, pieces) {
  const ns = (ms / pieces) * 1e6;
  if (ns < 1e3) return `${number(ns, 0)} ns`;
  if (ns < 1e6) return `${number(ns / 1e3, 1)} µs`;
  return `${number(ns / 1e6, 1)} ms`;
}

const piecesOf = ({ steps, runs, count, concurrency }, name) =>
  steps ?? runs ?? (name.startsWith("2 ×") ? 2 * count : (count ?? (concurrency && 1)));

const columns = {
  contestant: ({ contestant }) => (contestant === "sluice" ? "**sluice**" : contestant),
  ratio: ({ ratio }) => (ratio === undefined ? "–" : number(ratio)),
  "time over ideal": ({ ratio }) => ratio.toFixed(3),
  "answered 429": ({ refused }) => number(Math.round(refused), 0),
  time: ({ ms }) => `${number(ms)} ms`,
  "begun after it": ({ late }) => `${late}`,
  "over an empty script": ({ ms }) => (ms === undefined ? "–" : `${number(ms, 1)} ms`),
  "min+gzip": ({ kilobytes }) => (kilobytes ? `${number(kilobytes, 1)} kB` : "–"),
  "kept on disk": ({ kilobytes }) => `${number(kilobytes, 0)} kB`,
  "most in Redis": ({ kilobytes }) => `${number(kilobytes / 1024, 1)} MB`,
  rounds: ({ count }) => `${count}`,
};

function columnsOf(workload, chosen, empty) {
  const memory = ["peak memory", ({ memory }) => `${number(Math.max(0, memory - empty), 0)} MB`];
  const pick = (...names) => names.map((name) => [name, columns[name]]);
  if (workload.clock === "ideal") return pick("contestant", "time over ideal", "answered 429", "rounds");
  if (workload.clock === "over empty")
    return pick("contestant", "over an empty script", "min+gzip", "rounds");
  if (workload.adapter === "abort") return pick("contestant", "time", "begun after it", "rounds");
  if (workload.clock === "wall") return pick("contestant", "ratio", "time", "rounds");
  const each = [`each ${workload.unit}`, ({ ms }) => cost(ms, piecesOf(chosen, chosen.name))];
  if (workload.clock === "kept")
    return [...pick("contestant", "ratio"), each, ...pick("kept on disk", "rounds")];
  if (workload.clock === "in Redis")
    return [...pick("contestant", "ratio"), each, ...pick("most in Redis", "rounds")];
  return [...pick("contestant", "ratio"), each, memory, ...pick("rounds")];
}

const order = ({ contestant, ratio, ms }) => (contestant === "baseline" ? -1 : (ratio ?? ms ?? 1e9));

/** The table of one case, with what it should have reached under it. */
export function tableOf(workload, chosen, empty) {
  const heading = `### ${chosen.name}\n`;
  if (workload.soloist) return [heading, growthTable(chosen)].join("\n");
  const shown = columnsOf(workload, chosen, empty);
  const row = (cells) => `| ${cells.join(" | ")} |`;
  const measured = chosen.contestants.filter(({ failed, count }) => failed === undefined || count > 0);
  const rows = measured
    .sort((a, b) => order(a) - order(b))
    .map((each) => row(shown.map(([, cell]) => cell(each))));
  const failures = chosen.contestants
    .filter(({ failed }) => failed !== undefined)
    .map(({ contestant, failed }) => `${contestant} failed: \`${failed}\``);
  const aligned = row(shown.map((_, at) => (at === 0 ? "---" : "---:")));
  const table = [row(shown.map(([name]) => name)), aligned, ...rows].join("\n");
  return [heading, table, "", ...verdicts(workload, chosen, empty), ...failures, ""].join("\n");
}

function growthTable({ contestants: [{ costs, failed }] }) {
  if (failed !== undefined) return `failed: \`${failed}\`\n`;
  const entries = Object.entries(costs);
  const title = ([size]) => (Number.isNaN(Number(size)) ? size : Number(size).toLocaleString("en"));
  const lines = [entries.map(title), entries.map(() => "---:"), entries.map(([, ns]) => cost(ns / 1e6, 1))];
  return `${lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}\n`;
}

const verdict = (what, value, target, digits = 2) =>
  `${what} ${value.toFixed(digits)}, to reach: ${target}. ${Number(value.toFixed(digits)) <= target ? "Met." : "**Missed.**"}`;

function verdicts(
  workload,
  { contestants, target, memoryTarget, sizeTarget, redisTarget, moreTarget },
  empty,
) {
  const sluice = contestants.find(({ contestant }) => contestant === "sluice");
  if (sluice?.count === undefined) return [];
  const lines = [];
  const figure = workload.clock === "over empty" ? sluice.ms : sluice.ratio;
  const digits = workload.clock === "ideal" ? 3 : 2;
  if (target !== undefined) lines.push(verdict("sluice:", figure, target, digits));
  if (memoryTarget !== undefined)
    lines.push(verdict("Its memory in MB:", sluice.memory - empty, memoryTarget, 0));
  if (redisTarget !== undefined)
    lines.push(verdict("Its most in Redis, in MB:", sluice.kilobytes / 1024, redisTarget, 1));
  if (moreTarget !== undefined) {
    const { ms } = contestants.find(({ contestant }) => contestant === "baseline");
    lines.push(verdict("Milliseconds more than the baseline:", sluice.ms - ms, moreTarget));
  }
  if (sizeTarget !== undefined) {
    const bare = contestants.find(({ contestant }) => contestant === "sluice without Bottleneck") ?? sluice;
    lines.push(verdict("Its size in kB without Bottleneck:", bare.kilobytes, sizeTarget, 1));
  }
  return lines;
}

/** Every case in which a peer is better than sluice by more than noise. */
function whereOthersWin(results) {
  const others = ({ contestant, count }) =>
    count > 0 && !["baseline", "sluice", "sluice without Bottleneck"].includes(contestant);
  return results.flatMap(({ workload, cases }) =>
    cases.flatMap(({ name, contestants }) => {
      const inMs = workload.clock === "over empty" || workload.adapter === "abort";
      const score = ({ ratio, ms }) => (inMs ? ms : ratio);
      const shown = (each) =>
        `${score(each).toFixed(workload.clock === "ideal" ? 3 : 2)}${inMs ? " ms" : ""}`;
      const sluice = contestants.find(({ contestant }) => contestant === "sluice");
      const noise = workload.clock === "ideal" ? 0.003 : 0.03 * score(sluice);
      const better = contestants.filter(others).filter((each) => score(each) < score(sluice) - noise);
      if (better.length === 0) return [];
      const told = ({ contestant, refused, ...each }) =>
        `${contestant} (${shown(each)}${refused >= 1 ? `, but ${number(refused, 0)} calls were answered 429` : ""})`;
      return [`- ${workload.title}; ${name}: ${better.map(told).join(", ")}; sluice ${shown(sluice)}`];
    }),
  );
}

export function report(results, { commands, machine, versions, minutes, empty, rounds }) {
  const wins = whereOthersWin(results);
  return `# Results

Made by ${commands.map((command) => `\`${command}\``).join(", then ")} in ${minutes.toFixed(0)} minutes; how is told in [README.md](README.md).

${machine}

${versions.join(", ")}

**Ratio** is the time over that of the hand-written baseline in the same round, the median of up to ${rounds} rounds: 1.00 is
the physical limit. Where work never waits, time is processor time. **Peak memory** is over the ${empty.toFixed(0)} MB of an empty
script. A contestant that takes over 9 s is measured in one round, or in those that its workload asks for.

${results.map(({ workload, cases }) => [`## ${workload.title}\n`, ...cases.map((each) => tableOf(workload, each, empty))].join("\n")).join("\n")}
## Where a peer wins

${wins.length === 0 ? "Nowhere." : wins.join("\n")}
`;
}
