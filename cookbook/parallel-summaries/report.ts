// What the user gets to see, as text. Prints nothing.
import type { Shared } from "./nodes.js";
import type { Limits } from "./stand-in.js";

const count = (value: number) => Math.round(value).toLocaleString("en");
const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;

/** Names the limits of a rate. */
export function limitsText({ requests, tokens }: Limits): string {
  return `${count(requests)} requests and ${count(tokens)} tokens a minute`;
}

/** Says what is about to be done, and what is not. */
export function planText({ documents, matched, counts, outcomes }: Shared): string {
  const truncated = documents.filter((document) => document.truncated).length;
  const lines = [
    `${count(documents.length - outcomes.size)} of ${count(documents.length)} documents to summarise.`,
    matched > documents.length &&
      `Found: ${count(matched)}, of which the first ${count(documents.length)} are taken (--limit).`,
    counts.kept > 0 && `Summarised before: ${count(counts.kept)}, at no cost now (--fresh does them anew).`,
    counts.skipped > 0 && `Empty or binary: ${count(counts.skipped)}, skipped.`,
    truncated > 0 && `Too long for one call: ${count(truncated)}, of which only the beginning is summarised.`,
  ];
  return lines.filter(Boolean).join("\n");
}

/**
 * Draws how far the run is.
 *
 * @param since When this process began, on the monotonic clock.
 * @param before How many documents were done then.
 */
export function progressText({ documents, outcomes, counts }: Shared, since: number, before: number): string {
  const width = 24;
  const full = Math.floor((outcomes.size / documents.length) * width);
  const bar = "█".repeat(full) + "░".repeat(width - full);
  const done = outcomes.size - before;
  const left = ((performance.now() - since) / done) * (documents.length - outcomes.size);
  return [
    `${bar} ${count(outcomes.size)}/${count(documents.length)}`,
    counts.failed > 0 && `${count(counts.failed)} failed`,
    done > 0 && left > 0 && `${Math.ceil(left / 1_000)} s left`,
  ]
    .filter(Boolean)
    .join(", ");
}

/** What the table tells besides what is in the store. */
export interface Measured {
  /** Milliseconds that the run took. */
  readonly time: number;
  /** When the first call started, and the last, on the monotonic clock. */
  readonly firstCallAt: number;
  readonly lastCallAt: number;
  /** What the calls of this process were charged. */
  readonly tokens: number;
  /** Calls sent, those that were refused or tried again included. */
  readonly calls: number;
  /** Calls that the service refused with 429. */
  readonly refused: number;
  readonly rate: Limits & { readonly per: number; readonly burst: number };
}

/** Tells how the run went. */
export function table({ documents, counts }: Shared, run: Measured): string {
  const { time, calls, tokens, refused, rate } = run;
  // The gate starts with a burst saved up: as if it had begun that much earlier.
  const periods = (run.lastCallAt - run.firstCallAt + rate.burst) / rate.per;
  const share = (amount: number, limit: number) =>
    `${count(amount / periods)} of ${count(limit)} (${Math.round((100 * amount) / periods / limit)} %)`;
  const rows: [string, string][] = [
    ["documents", count(documents.length)],
    ["summarised now", count(counts.summarised)],
    ["kept from before", count(counts.kept)],
    ["skipped", count(counts.skipped)],
    ["failed", count(counts.failed)],
    ["time", seconds(time)],
  ];
  if (calls > 0) {
    rows.push(
      [
        "one after another",
        `${seconds(counts.callTime)} (${(counts.callTime / time).toFixed(1)} times as long)`,
      ],
      ["requests a minute", share(calls, rate.requests)],
      ["tokens a minute", share(tokens, rate.tokens)],
      ["429s seen", count(refused)],
    );
  }
  return rows.map(([name, value]) => `  ${name.padEnd(20)}${value}`).join("\n");
}

/** Lists why documents failed, the most frequent reason first. */
export function failureText({ outcomes }: Shared, most = 5): string {
  const reasons = new Map<string, string[]>();
  for (const outcome of outcomes.values()) {
    if (!("error" in outcome) || outcome.error.startsWith("Skipped")) continue;
    reasons.set(outcome.error, [...(reasons.get(outcome.error) ?? []), outcome.file]);
  }
  return [...reasons]
    .sort(([, a], [, b]) => b.length - a.length)
    .slice(0, most)
    .map(
      ([reason, files]) =>
        `  ${count(files.length)} × ${reason} (${files[0]}${files.length > 1 ? ", …" : ""})`,
    )
    .join("\n");
}
