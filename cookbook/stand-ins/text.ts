// Shared by stand-ins: sentences and their significant words.
const segmenter = new Intl.Segmenter("en", { granularity: "sentence" });

export const sentencesOf = (text: string): string[] =>
  Array.from(segmenter.segment(text.replaceAll(/\s+/g, " ")), ({ segment }) => segment.trim()).filter(
    Boolean,
  );

/** Words of four letters or more, by their beginnings, so that "limits" and "limited" are one. */
export const stemsOf = (text: string): Set<string> =>
  new Set((text.toLowerCase().match(/\p{L}{4,}/gu) ?? []).map((word) => word.slice(0, 6).replace(/s$/, "")));

/** How many of the words of one text are in the other. */
export const overlap = (a: ReadonlySet<string>, b: ReadonlySet<string>): number =>
  [...a].filter((word) => b.has(word)).length;

/** The sentences that have most words in common with all others, in order. */
export function central(text: string, count: number): string {
  const all = sentencesOf(text)
    .slice(0, 100)
    .map((sentence) => ({ sentence, stems: stemsOf(sentence) }));
  const ranked = all
    .map(({ sentence, stems }, at) => {
      const shared = all.reduce(
        (sum, other) => sum + (other.stems === stems ? 0 : overlap(stems, other.stems)),
        0,
      );
      return { sentence, at, rank: shared / Math.log(stems.size + 3) };
    })
    .sort((a, b) => b.rank - a.rank || a.at - b.at)
    .slice(0, count);
  return ranked
    .sort((a, b) => a.at - b.at)
    .map(({ sentence }) => sentence)
    .join(" ");
}

/** Counts the significant words by feature hashing. */
export function vectorOf(text: string): number[] {
  const vector = new Array<number>(1_024).fill(0);
  for (const stem of stemsOf(text)) {
    const hash = [...stem].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 1_000_003, 7);
    const place = hash % vector.length;
    vector[place] = (vector[place] ?? 0) + (hash % 3 === 0 ? -1 : 1); // so that collisions cancel out
  }
  vector[0] ||= 0.001; // a text without words still has a direction
  return vector;
}
