// The rules of the game, which no model has a say in.

/** A card: the word to be guessed, and the words that must not be said. */
export interface Card {
  readonly word: string;
  readonly taboo: readonly string[];
}

const DECK: readonly Card[] = [
  { word: "snowman", taboo: ["snow", "winter"] },
  { word: "volcano", taboo: ["eruption", "mountain"] },
  { word: "rocket", taboo: ["launch", "ship"] },
  { word: "guitar", taboo: ["rock", "electric"] },
  { word: "umbrella", taboo: ["rain", "weather"] },
  { word: "elephant", taboo: ["nose", "circus"] },
];

/** Draws a card. @param chance From 0 up to 1. */
export const drawCard = (chance: number): Card => DECK[Math.floor(chance * DECK.length)] as Card;

/** The words that a hint must not have had, also as parts of longer ones. */
export function spoken(hint: string, { word, taboo }: Card): string[] {
  const text = hint.toLowerCase();
  return [word, ...taboo].filter((forbidden) => text.includes(forbidden.toLowerCase()));
}

/** Compares words as a listener would: capitals, spaces and a full stop do not matter. */
export const isSameWord = (a: string, b: string): boolean => bare(a) === bare(b);

const bare = (word: string) => word.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, "");
