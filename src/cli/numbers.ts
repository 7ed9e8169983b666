// Numbers and times of the command line.
import { quoted, UsageError } from "./io.js";

/** A positive integer. @throws UsageError */
export function countOf(given: string, option: string): number {
  const count = Number(given);
  if (/^\d+$/.test(given) && count > 0 && Number.isSafeInteger(count)) return count;
  throw new UsageError(`${option} to be a positive integer`, quoted(given), "Write it in digits.");
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time such as `7d`, in milliseconds. @throws UsageError */
export function timeOf(given: string, option: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)([a-z]+)$/.exec(given) ?? [];
  const size = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
  if (size !== undefined) return Number(number) * size;
  const advice = "Write 500ms, 30s, 15m, 12h or 7d.";
  throw new UsageError(`${option} to be a number with a unit`, quoted(given), advice);
}
