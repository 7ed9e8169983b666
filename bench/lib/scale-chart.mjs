// scale.svg: items a second over the number of workers, and where each part of a fleet has no more to give.
const [WIDTH, HEIGHT] = [760, 440];
const [LEFT, RIGHT, TOP, BOTTOM] = [76, 30, 74, 56];
const [LEAST, MOST] = [1, 100_000];

const x = (workers) => LEFT + ((WIDTH - LEFT - RIGHT) * Math.log10(workers / 10)) / 2;
const y = (rate) => {
  const share = Math.log10(rate / LEAST) / Math.log10(MOST / LEAST);
  return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share;
};
const at = (value) => value.toFixed(1);

const style = `
  text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #57606a; }
  .title { font-size: 18px; font-weight: 600; fill: #1f2328; }
  .background { fill: #ffffff; }
  .grid { stroke: #d8dee4; }
  .limit { stroke: #bc4c00; stroke-dasharray: 5 4; }
  .limit-name { fill: #bc4c00; }
  .line { fill: none; stroke: #0b8fc4; stroke-width: 2.5; }
  .dot { fill: #0b8fc4; }
  .name { font-weight: 600; fill: #0b6e99; }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1; }
    .title { fill: #f0f6fc; }
    .background { fill: #0d1117; }
    .grid { stroke: #30363d; }
    .limit { stroke: #f0883e; }
    .limit-name { fill: #f0883e; }
    .line { stroke: #1f9fd6; }
    .dot { fill: #1f9fd6; }
    .name { fill: #58c4f0; }
  }`;

export function drawScale(rows, costs) {
  const grid = [1, 10, 100, 1_000, 10_000, 100_000].map(
    (rate) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at(y(rate))}" y2="${at(y(rate))}"/><text x="${LEFT - 8}" y="${at(y(rate) + 4)}" text-anchor="end">${rate.toLocaleString("en")}</text>`,
  );
  const ticks = [10, 30, 100, 300, 1_000].map(
    (workers) =>
      `<text x="${at(x(workers))}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${workers.toLocaleString("en")}</text>`,
  );
  const lines = [50, 5_000].map((takes) => {
    const points = rows
      .filter((row) => row.takes === takes && row.items === 1e7)
      .map(({ workers, items, ms }) => [x(workers), y((items / ms) * 1e3)]);
    const path = points.map(([left, top]) => `${at(left)},${at(top)}`).join(" ");
    const dots = points.map(([left, top]) => `<circle class="dot" cx="${at(left)}" cy="${at(top)}" r="4"/>`);
    const [left, top] = points[1];
    return `<polyline class="line" points="${path}"/>${dots.join("")}<text class="name" x="${at(left + 10)}" y="${at(top + 18)}">items of ${takes === 50 ? "50 ms" : "5 s"}</text>`;
  });
  const limits = [
    ["one coordinator with its journal", 1e3 / (costs.coordinator.item + costs.journal.item)],
    ["500 requests a minute, a common limit of a vendor", 500 / 60],
  ]
    .filter(([, rate]) => rate >= LEAST * 0.8)
    .map(
      ([name, rate]) =>
        `<line class="limit" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at(y(Math.max(LEAST, rate)))}" y2="${at(y(Math.max(LEAST, rate)))}"/><text class="limit-name" x="${LEFT + 8}" y="${at(y(Math.max(LEAST, rate)) - 7)}">${name}: ${Math.round(rate).toLocaleString("en")} a second</text>`,
    );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="Items a second over the number of workers">
<style>${style}
</style>
<rect class="background" width="${WIDTH}" height="${HEIGHT}" rx="8"/>
<text class="title" x="20" y="32">How far one queue and one coordinator go</text>
<text x="20" y="54">Items a second over workers with 16 slots each; simulated from costs measured on one machine. Both scales are logarithmic.</text>
${[...grid, ...ticks, ...limits, ...lines].join("\n")}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 14}" text-anchor="middle">workers</text>
</svg>
`;
}
