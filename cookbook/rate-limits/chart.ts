// Draws calls over time with characters. Prints nothing.
import type { Call } from "./ledger.js";

/** How a chart is drawn. */
export interface ChartOptions {
  /** The flows in the order in which they are piled up, and the character of each. */
  readonly marks: Readonly<Record<string, string>>;
  /** What the vendor allows in a second. */
  readonly limit: { readonly requests: number; readonly tokens: number };
  /** The most columns. @default 60 */
  readonly columns?: number;
  /** The most rows. @default 12 */
  readonly rows?: number;
}

/** Piles up the calls of each slice of time, refused ones on top, over a line that says how many tokens were paid. */
export function chart(calls: readonly Call[], options: ChartOptions): string {
  const { marks, limit, columns: most = 60, rows: highest = 12 } = options;
  const starts = calls.map(({ at }) => at);
  const began = Math.min(...starts);
  const took = Math.max(...starts) - began + 1;
  // Slices of 50, 100, 150, … ms, so that the axis has round numbers.
  const slice = Math.max(100, 50 * Math.ceil(took / most / 50));
  const columns = Math.ceil(took / slice);
  const inColumn = (column: number) => calls.filter(({ at }) => Math.floor((at - began) / slice) === column);

  const piles = Array.from({ length: columns }, (_, column) => inColumn(column));
  const allowed = (limit.requests * slice) / 1_000;
  const cell = Math.max(1, Math.max(allowed, ...piles.map(({ length }) => length)) / highest);
  const towers = piles.map((pile) => {
    const refused = pile.filter(({ outcome }) => outcome === "refused");
    const parts = Object.entries(marks).map(([flow, mark]): [string, number] => [
      mark,
      pile.filter((call) => call.flow === flow && call.outcome !== "refused").length,
    ]);
    return [...parts, ["×", refused.length] as const]
      .map(([mark, count]) => mark.repeat(Math.round(count / cell)))
      .join("");
  });
  const height = Math.max(Math.round(allowed / cell), ...towers.map(({ length }) => length));
  const lines: string[] = [];
  for (let row = height; row >= 1; row--) {
    const isLimit = row === Math.round(allowed / cell);
    const blank = isLimit ? "┄" : " ";
    const label = isLimit ? String(limit.requests) : "";
    lines.push(`${label.padStart(5)} ┤${towers.map((tower) => tower[row - 1] ?? blank).join("")}`);
  }
  lines.push(`    0 └${"─".repeat(columns)}`, `       ${axis(columns, slice)}`);

  const paid = piles.map((pile) => pile.reduce((sum, { tokens }) => sum + tokens, 0));
  const level = (tokens: number) => Math.min(8, Math.ceil((8 * 1_000 * tokens) / slice / limit.tokens));
  lines.push(`tokens ${paid.map((tokens) => " ▁▂▃▄▅▆▇█"[level(tokens)]).join("")}`);
  return lines.map((line) => line.trimEnd()).join("\n");
}

/** Numbers the seconds. */
function axis(columns: number, slice: number): string {
  let text = "";
  for (let second = 0; second * 1_000 < columns * slice; second++) {
    const column = Math.round((second * 1_000) / slice);
    if (column >= text.length + (second === 0 ? 0 : 1)) text = `${text.padEnd(column)}${second} s`;
  }
  return text;
}
