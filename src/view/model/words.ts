// Formats times and amounts. Imports nothing.

/** Formats milliseconds with three digits and a suitable unit. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return "–";
  if (ms < 0.0005) return "0 ms";
  if (ms < 1) return `${Math.round(ms * 1_000)} µs`;
  if (ms < 999.5) return `${figures(ms)} ms`;
  if (ms < 59_950) return `${figures(ms / 1_000)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}

const figures = (value: number): string =>
  value >= 99.95 ? String(Math.round(value)) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2);

/** Formats a number with thousands separators. */
export const amount = (value: number): string => value.toLocaleString("en");

/** `1 item`, `2 items`. */
export const counted = (count: number, what: string): string =>
  `${amount(count)} ${what}${count === 1 ? "" : "s"}`;
