// The nearest name to a misspelt one, for error messages. Imports nothing.

/** Counts single-character edits between two strings (Levenshtein 1966, one row of the table kept). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

/** Gives the candidate a reader most likely meant, or `undefined` when none is close. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  // The table is as large as both lengths multiplied: a 1 MB name is nobody's typing error.
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
