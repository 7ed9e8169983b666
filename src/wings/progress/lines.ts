// Formats a row of the board: as a terminal line with a bar, and as a sentence for a log.
import { cutEnd, cutMiddle, padEnd, padStart, widthOf } from "../shared/columns.js";
import { kindOf, type Pause, type Row } from "./board.js";

/** Formats milliseconds: `0.4 s`, `1 m 15 s`, `2 h 5 m`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} m ${whole % 60} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} m`;
}

const count = (value: number) => value.toLocaleString("en");
const rateOf = (rate: number) => (rate < 10 ? rate.toFixed(1) : count(Math.round(rate)));

/** Removes control characters, because names are untrusted. Joiners of emoji are kept. */
const clean = (text: string) =>
  text
    .replace(/(?:(?!\u200d)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}])+/gu, " ")
    .replace(/\s+/g, " ")
    .trim() || "?";

/** The name of a row: its path, with iterations in brackets; without the outermost flow if there is only one run. */
export function nameOf({ path, run }: Pick<Row, "path" | "run">): string {
  const inner = path.length > 1 ? path.slice(1) : path;
  const names = run === undefined ? inner : [run, ...inner];
  const parts = names.map((part) => (typeof part === "number" ? `[${part}]` : clean(part)));
  return parts.join(" › ").replaceAll(" › [", " [");
}

/** The facts of a row beside its name and its bar. */
interface Facts {
  readonly failed: string;
  readonly outcome: string;
  readonly count: string;
  readonly percent: string;
  readonly rate: string;
  readonly time: string;
  readonly waiting: string;
}

/** The order of the facts in a line. */
const ORDER = ["count", "percent", "failed", "outcome", "rate", "time", "waiting"] as const;

function factsOf(row: Row, now: number): Facts {
  const { progress, waiting, ended, began } = row;
  const left = remainingOf(row);
  return {
    ...(progress === undefined ? NO_FIGURES : figuresOf(progress)),
    outcome: ended === undefined || ended.outcome === "done" ? "" : ended.outcome,
    time: left === undefined ? duration((ended?.at ?? now) - began) : `${duration(left)} left`,
    waiting: ended === undefined && waiting > 0 ? `${count(waiting)} waiting` : "",
  };
}

const remainingOf = ({ progress, ended }: Row): number | undefined =>
  ended === undefined && progress !== undefined && progress.done < (progress.total ?? 0)
    ? progress.remaining
    : undefined;

const NO_FIGURES = { count: "", percent: "", failed: "", rate: "" };

function figuresOf({ done, failed, total, rate }: NonNullable<Row["progress"]>): typeof NO_FIGURES {
  return {
    count: total === undefined ? count(done) : `${count(done)} of ${count(total)}`,
    percent: total === undefined || total === 0 ? "" : `${Math.floor((100 * done) / total)} %`,
    failed: failed > 0 ? `${count(failed)} failed` : "",
    rate: `${rateOf(rate)}/s`,
  };
}

const MARKS: Record<string, string> = { done: "✓", failed: "✗", aborted: "■" };

/** The facts that a narrow terminal omits, in this order; never failures and outcomes. */
const DISPENSABLE = ["rate", "percent", "waiting", "time", "count"] as const;
const SHORTEST_NAME = 8;
const LONGEST_NAME = 40;

/** Lines for a terminal with this many columns, aligned. */
export function barLines(rows: readonly Row[], now: number, columns: number): string[] {
  const most = columns - 1; // the last column stays free: some terminals break a line there
  const all = rows.map((row) => ({ row, name: nameOf(row), facts: factsOf(row, now) }));
  const widest = (texts: readonly string[]) => Math.max(0, ...texts.map(widthOf));
  const widths = new Map(ORDER.map((key) => [key, widest(all.map(({ facts }) => facts[key]))]));
  const names = Math.min(LONGEST_NAME, widest(all.map(({ name }) => name)));
  const needed = () =>
    [...widths.values()].reduce((sum, width) => sum + (width > 0 ? width + 2 : 0), 2 + bar);
  let bar = all.some(({ row }) => row.progress?.total !== undefined) ? (columns < 110 ? 12 : 26) : 0;
  if (needed() + Math.min(names, SHORTEST_NAME) > most) bar = 0;
  for (const key of DISPENSABLE) {
    if (needed() + Math.min(names, SHORTEST_NAME) > most) widths.set(key, 0);
  }
  const width = Math.max(1, Math.min(names, most - needed()));
  return all.map(({ row, name, facts }) => {
    const cells = ORDER.filter((key) => widths.get(key) !== 0).map((key) =>
      padStart(facts[key], widths.get(key) as number),
    );
    const parts = [
      padEnd(cutMiddle(name, width), width),
      ...(bar > 0 ? [barOf(row, bar - 2)] : []),
      ...cells,
    ];
    return cutEnd(`${markOf(row)} ${parts.join("  ")}`.trimEnd(), most);
  });
}

const markOf = ({ ended }: Row): string => (ended === undefined ? "›" : (MARKS[ended.outcome] ?? "✗"));

function barOf({ progress }: Row, length: number): string {
  if (progress?.total === undefined) return " ".repeat(length);
  const full = Math.min(length, Math.round((length * progress.done) / Math.max(1, progress.total)));
  return `${"━".repeat(full)}${"┄".repeat(length - full)}`;
}

/** The error of a row, or the most frequent error of its items; `undefined` if nothing failed. */
export function errorLine({ errors, progress, ended }: Row): string | undefined {
  const [most] = [...errors.values()].sort((a, b) => b.times - a.times);
  const reason = ended?.reason;
  const isOwn = reason !== undefined && !errors.has(kindOf(reason));
  if (isOwn) return `  ${cutEnd(clean(reason), 200)}`;
  if (most === undefined) return undefined;
  const times = `${count(most.times)} of ${count(Math.max(most.times, progress?.failed ?? 0))}`;
  return `  most frequent error, ${times}: ${cutEnd(clean(most.text), 200)}`;
}

/** Formats a row as a sentence for a log. */
export function sentence(row: Row, now: number): string {
  const facts = factsOf(row, now);
  const all = ORDER.map((key) => facts[key]).filter((text) => text !== "");
  return `${row.ended?.outcome === "done" ? "done: " : ""}${nameOf(row)}: ${all.join(", ")}`;
}

export function pauseLine({ gate, until }: Pause, now: number): string {
  const name = gate === undefined ? "A gate" : `Gate ${clean(gate)}`;
  return `${name} is paused by the vendor, ${duration(until - now)} to go`;
}
