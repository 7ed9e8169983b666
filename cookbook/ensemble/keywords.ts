// Counts words, as the ranker, the service and the stand-in do. Imports nothing.

const COMMON = new Set(
  "about after again also because been before could does each else from have here into itself just more most much need needed only other please should since some soon such tell than that their them then there these they this those tried very want wants were what when where whether which while will with without would your".split(
    " ",
  ),
);

/** All words of a text, in small letters. */
export const wordsOf = (text: string): string[] => text.toLowerCase().match(/\p{L}[\p{L}\p{N}'-]*/gu) ?? [];

/** The words that a text is about: the most frequent ones of more than three letters, the earlier first. */
export function keywordsOf(text: string, most: number): string[] {
  const counts = new Map<string, number>();
  for (const word of wordsOf(text)) {
    if (word.length > 3 && !COMMON.has(word)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([word]) => word);
}
