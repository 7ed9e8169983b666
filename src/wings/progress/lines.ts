// How a row of the board reads: as a line of a terminal with a bar, and as a plain sentence for a log.
import type { Pause, Row } from "./board.js";

/** Milliseconds as people say them: `0.4 s`, `1 m 15 s`, `2 h 5 m`. */
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

/** Names are anybody's, and must not steer the terminal. */
const clean = (text: string) =>
  text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .replace(/\s+/g, " ")
    .trim() || "?";

/** The name of a row: its path without the outermost flow, iterations in brackets. */
export function nameOf({ path }: Pick<Row, "path">): string {
  const inner = path.length > 1 ? path.slice(1) : path;
  const parts = inner.map((part) => (typeof part === "number" ? `[${part}]` : clean(part)));
  return parts.join(" › ").replaceAll(" › [", " [");
}

/** What is said of a row beside its name and its bar, most important first. */
function facts(row: Row, now: number): string[] {
  const { progress, waiting, ended } = row;
  const parts = progress === undefined ? [] : progressFacts(progress, ended !== undefined);
  if (waiting > 0 && ended === undefined) parts.push(`${count(waiting)} waiting`);
  if (ended !== undefined && ended.outcome !== "done") parts.push(ended.outcome);
  const time = (ended?.at ?? now) - row.began;
  if (ended !== undefined || progress?.remaining === undefined) parts.push(duration(time));
  return parts;
}

function progressFacts(progress: NonNullable<Row["progress"]>, hasEnded: boolean): string[] {
  const { done, failed, total, rate, remaining } = progress;
  const parts = [total === undefined ? count(done) : `${count(done)} of ${count(total)}`];
  if (total !== undefined && total > 0) parts.push(`${Math.floor((100 * done) / total)} %`);
  if (failed > 0) parts.push(`${count(failed)} failed`);
  parts.push(`${rateOf(rate)}/s`);
  if (remaining !== undefined && !hasEnded && done < (total ?? 0)) parts.push(`${duration(remaining)} left`);
  return parts;
}

const MARKS: Record<string, string> = { done: "✓", failed: "✗", aborted: "■" };

/** A line for a terminal of so many columns. */
export function barLine(row: Row, now: number, columns: number, width: number): string {
  const { progress, ended } = row;
  const mark = ended === undefined ? "›" : (MARKS[ended.outcome] ?? "✗");
  const total = progress?.total;
  const length = columns < 110 ? 10 : 24;
  const full = Math.round((length * (progress?.done ?? 0)) / Math.max(1, total ?? 0));
  const bar = total === undefined ? "" : `${"━".repeat(full)}${"┄".repeat(length - full)}  `;
  return cut(`${mark} ${pad(nameOf(row), width)}  ${bar}${facts(row, now).join("  ")}`, columns);
}

/** A sentence for a log. */
export const sentence = (row: Row, now: number): string =>
  `${row.ended?.outcome === "done" ? "done: " : ""}${nameOf(row)}: ${facts(row, now).join(", ")}`;

export function pauseLine({ gate, until }: Pause, now: number): string {
  const name = gate === undefined ? "A gate" : `Gate ${clean(gate)}`;
  return `${name} is paused by the vendor, ${duration(until - now)} to go`;
}

/** Cuts a line so that the terminal does not break it. */
export function cut(line: string, columns: number): string {
  const letters = [...line];
  return letters.length < columns ? line : `${letters.slice(0, Math.max(1, columns - 2)).join("")}…`;
}

const pad = (text: string, width: number) => text + " ".repeat(Math.max(0, width - [...text].length));
