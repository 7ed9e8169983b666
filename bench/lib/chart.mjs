// chart.svg: the ratios to the baseline as bars on a logarithmic scale, one panel for each case.

const panels = [
  ["chain", "sync hooks", "Chain, sync hooks"],
  ["chain", "async hooks", "Chain, async hooks"],
  ["fan-out", "1,000,000 items", "Fan-out of 1,000,000 items"],
  ["idle-gate", "2 × 25,000 calls", "A shared gate that never binds"],
  ["binding-gate", "200/s, burst 20", "A gate that binds: 200/s, burst 20 (over the ideal)"],
  ["flow-per-item", "20,000 items", "A flow of three nodes per item"],
  ["small", "10,000 runs at once", "10,000 runs at once"],
];

const labels = {
  baseline: "by hand",
  "@llamaindex/workflow-core": "llamaindex",
  "@mastra/core": "mastra",
  "@langchain/langgraph": "langgraph",
  "p-limit, one slot per worker": "p-limit per worker",
  "p-limit, a closure per item": "p-limit per item",
  "p-limit, 429 and wait": "p-limit, no rate",
  "p-throttle strict + p-limit": "p-throttle strict",
  "p-queue intervalCap strict": "p-queue strict",
};

const WIDTH = 960;
const COLUMN = 460;
const LABEL = 150;
const ROW = 22;
const GAP = 22;
const UNIT = 14;
const TOP = 74;
const BAR = COLUMN - LABEL - 62;

const style = `
  text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #57606a; }
  .title { font-size: 20px; font-weight: 600; fill: #1f2328; }
  .panel { font-size: 14px; font-weight: 600; fill: #1f2328; }
  .own { font-weight: 600; fill: #0b6e99; }
  .background { fill: #ffffff; }
  .bar { fill: #b8c0c8; }
  .bar.own { fill: #0b8fc4; }
  .bar.baseline { fill: #2da44e; }
  .limit { stroke: #2da44e; stroke-dasharray: 2 3; }
  .value { font-variant-numeric: tabular-nums; }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1; }
    .title, .panel { fill: #f0f6fc; }
    .own { fill: #58c4f0; }
    .background { fill: #0d1117; }
    .bar { fill: #4a525c; }
    .bar.own { fill: #1f9fd6; }
    .bar.baseline { fill: #3fb950; }
    .limit { stroke: #3fb950; }
  }`;

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const round = (value) =>
  value >= 100 ? Math.round(value).toLocaleString("en") : value >= 10 ? value.toFixed(0) : value.toFixed(2);

/** A bar of 1 has some length, or the baseline could not be seen. */
const lengthOf = (ratio, most) => UNIT + ((BAR - UNIT) * Math.log10(Math.max(1, ratio))) / Math.log10(most);

function bar({ contestant, ratio, refused }, x, y, most) {
  const kind = contestant === "sluice" ? " own" : contestant === "baseline" ? " baseline" : "";
  const length = lengthOf(ratio, most);
  const value = refused === undefined ? round(ratio) : `${ratio.toFixed(3)}${refusals(refused)}`;
  return `<text class="${kind.trim()}" x="${x - 8}" y="${y + 12}" text-anchor="end">${escaped(labels[contestant] ?? contestant)}</text>
<rect class="bar${kind}" x="${x}" y="${y + 1}" width="${length.toFixed(1)}" height="14" rx="2"/>
<text class="value${kind}" x="${(x + length + 6).toFixed(1)}" y="${y + 12}">${value}</text>`;
}

const refusals = (count) => (count >= 1 ? `, ${Math.round(count).toLocaleString("en")} × 429` : "");

function panel(title, contestants, left, top, most) {
  const rank = ({ contestant, ratio }) => (contestant === "baseline" ? 0 : ratio);
  const rows = contestants.filter(({ ratio }) => ratio !== undefined).sort((a, b) => rank(a) - rank(b));
  const x = left + LABEL;
  const y = top + 32;
  const end = y + rows.length * ROW;
  const lines = rows.map((each, at) => bar(each, x, y + at * ROW, most));
  const limit = `<line class="limit" x1="${x + UNIT}" x2="${x + UNIT}" y1="${y - 4}" y2="${end}"/>`;
  const heading = `<text class="panel" x="${left}" y="${top + 16}">${escaped(title)}</text>`;
  return { svg: [heading, limit, ...lines].join("\n"), height: end - top + GAP };
}

export function chart(results) {
  const found = panels.flatMap(([name, caseName, title]) => {
    const chosen = results.find((each) => each.name === name)?.cases.find((each) => each.name === caseName);
    return chosen === undefined ? [] : [{ title, contestants: chosen.contestants }];
  });
  const most = Math.max(...found.flatMap(({ contestants }) => contestants.map(({ ratio = 1 }) => ratio)));
  const heights = [TOP, TOP];
  const drawn = found.map(({ title, contestants }) => {
    const column = heights[0] <= heights[1] ? 0 : 1;
    const { svg, height } = panel(title, contestants, 20 + column * COLUMN, heights[column], most);
    heights[column] += height;
    return svg;
  });
  const height = Math.max(...heights) + 8;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Time of sluice and its peers over a hand-written loop">
<style>${style}
</style>
<rect class="background" width="${WIDTH}" height="${height}" rx="8"/>
<text class="title" x="20" y="36">What the engine costs: time over a loop written by hand</text>
<text x="20" y="58">Processor time with hooks that do nothing; 1 is the physical limit, shorter is better, the scale is logarithmic.</text>
${drawn.join("\n")}
</svg>
`;
}
