// Suggestions for misspelt names, for error messages. Imports nothing.

/** The edit distance of two strings with transpositions (optimal string alignment, after Damerau 1964). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) next[j] = Math.min(next[j] as number, (before[j - 2] as number) + 1);
    }
    before = row;
    row = next;
  }
  return row[b.length] as number;
}

/** Whether two names differ by one edit, or only in case. */
export const isOneSlip = (name: string, right: string): boolean =>
  name !== right &&
  Math.abs(name.length - right.length) <= 1 &&
  distance(name.toLowerCase(), right.toLowerCase()) <= 1;

/** Returns the nearest candidate, or `undefined` if none is close. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  // The cost is the product of both lengths, and a very long name is not a typing error.
  if (name.length > 64) return undefined;
  let best: string | undefined;
  let fewest = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    if (candidate.length > 64) continue;
    const edits = distance(name.toLowerCase(), candidate.toLowerCase());
    if (edits < fewest) [best, fewest] = [candidate, edits];
  }
  return best;
}
